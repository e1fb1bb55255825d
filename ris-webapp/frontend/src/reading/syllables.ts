// Whether a word can be a Vietnamese syllable: beginning, rhyme and tone that go together (chính tả tiếng Việt).

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/).filter(Boolean));

const ONSETS = words("b c ch d đ g gh gi h k kh l m n ng ngh nh p ph qu r s t th tr v x");
const RHYMES = words(`
  a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây
  e ec em en eng eo ep et ê êch êm ên ênh êp êt êu i ia ich im in inh ip it iu iêc iêm iên iêng iêp iêt iêu
  o oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oe oen oeo oet oi oc om on ong oong ooc op ot
  ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uân uâng uât uây uc uê uêch uênh ui um un ung up ut
  uôc uôi uôm uôn uông uôt uơ uy uya uych uyên uyêt uynh uyt uyu uyn uyp
  ư ưa ưc ưi ưm ưn ưng ưt ưu ươc ươi ươm ươn ương ươp ươt ươu y yêm yên yêng yêt yêu`);
/** After `qu`, whose u is part of the beginning. */
const AFTER_QU = words("a ac ach ai an ang anh ao au at ay ăc ăm ăn ăng ăp ăt ân âng ât ây e en eo et ê ên ênh êt êch i it ơ y yên yêt ynh yt ych");
const TAKES_Y = words("h k l m s t v th ");

const TONES = /[\u0300\u0301\u0303\u0309\u0323]/g;
const SHARP_OR_HEAVY = /[\u0301\u0323]/;

/** Whether `word` (any case) is a well-formed Vietnamese syllable with at most one tone, and one that its end allows. */
export function isSyllable(word: string): boolean {
  const parts = word.toLowerCase().normalize("NFD");
  const tones = parts.match(TONES) ?? [];
  if (tones.length > 1) return false;
  const base = parts.replace(TONES, "").normalize("NFC");
  if (/(?:c|ch|p|t)$/.test(base) && base.length > 1 && !SHARP_OR_HEAVY.test(parts)) return false;
  return splits(base).some(([onset, rhyme]) => fits(onset, rhyme));
}

function splits(base: string): [string, string][] {
  const found: [string, string][] = [["", base]];
  for (let length = 1; length <= 3; length += 1) {
    const onset = base.slice(0, length);
    if (ONSETS.has(onset)) found.push([onset, base.slice(length)]);
  }
  return found;
}

function fits(onset: string, rhyme: string): boolean {
  if (onset === "qu") return AFTER_QU.has(rhyme);
  if (!RHYMES.has(rhyme)) return false;
  const front = /^[eêiy]/.test(rhyme);
  if (onset === "k" || onset === "gh" || onset === "ngh") return front;
  if (onset === "c" || onset === "ng") return !front;
  if (onset === "g") return !/^[eêy]/.test(rhyme);
  if (rhyme === "y") return onset === "" || TAKES_Y.has(onset);
  if (/^yê/.test(rhyme)) return onset === "";
  if (/^iê/.test(rhyme)) return onset !== "";
  return true;
}
