// Words of reports that are no Vietnamese syllables, and mistakes that are syllables and yet wrong in a report.

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/).filter(Boolean));

/** In lower case: names, and Latin, French and English words as Vietnamese reports use them. */
export const TERMS = words(`
  adc aspect barrett baker bartholin bosniak boston budd chiari caroli chopart cobb conn crohn cushing doppler douglas down
  fallot galen garden gleason graves hashimoto henle hill hirtz hodgkin hounsfield jackson kerley kienböck kirschner
  klatskin krukenberg lauge lisfranc mallory marfan morrison meckel modic monro morton murphy neer parkinson paget pirads
  prostate rokitansky sachs salter schatzker scheuermann schmorl shenton spalding sylvius tanner tirads treitz virchow
  warthin waters weber willebrand willis wilson blondeau segond stieda rathke luschka magendie valsalva spigel glisson
  abscess acid adenoma album amidan amiăng amyloid angio angioma aorta artery axial barium bilirubin biopsy block blốc
  bolus canxi calci carcinoma catheter cholesterol chlamydia clip collagen cortisol creatinin cyst dermoid diverticulum
  drain dopamine echo ejection elastin endo enzym ependymoma estrogen ethanol fibrin fibrosis flair fluor gadolini
  gadolinium ganglion gel gene gradient glioma glucose glycogen hamartoma hematoma heparin hernia holter hormon hydrogen
  iod iode insulin karman kali keratin laser lipid lipoma lympho lymphoma macro manganese mammo marker melanin meningioma
  methylen micro morphin mucin myelin myoma natri neo neuron nevus nitrogen oedema osteoma oxy oxygen panel papilloma
  pepsin pixel plasma polyp polype probe progesteron protein reflux ring radio sarcoid sarcoma scan schwannoma sclerosis
  scopolamin septum shunt sigma sinus siphon spin spectro spot stent steroid stress subtraction teratoma test thymoma
  thyroid titan toxin tracer trauma troponin tumor urease ure valve vector virus vitamin volt voxel wash washout window
  zona xenon axit axial coronal sagittal cone beam cc mlo birads bi rads acr tnm recist suv ct mri mra mrv mrcp pet spect
  dsa ercp ecg bpd crl efw afi lmp nt pi ri ef fs mm cm ml kg mmhg ms bpm hu mgy msv kv mas kvp tesla film files file
  the of in with and left right normal no mass lesion nodule fat stranding sign ground glass crazy paving tree bud halo
  target twinkling comet tail ring-down swirl track double stack coin`);

/** Pairs that are mistaken for each other: what is typed, and what is meant. In lower case. */
export const CONFUSIONS: readonly (readonly [string, string])[] = [
  ["chuẩn đoán", "chẩn đoán"],
  ["sử lý", "xử lý"],
  ["sử trí", "xử trí"],
  ["xương xườn", "xương sườn"],
  ["tràng dịch", "tràn dịch"],
  ["tràng khí", "tràn khí"],
  ["xiêu âm", "siêu âm"],
  ["màng phối", "màng phổi"],
  ["nhu mô phối", "nhu mô phổi"],
  ["vôi hóa xụn", "vôi hóa sụn"],
  ["xụn chêm", "sụn chêm"],
  ["túi mặt", "túi mật"],
  ["ống mặt", "ống mật"],
  ["tuyến yêng", "tuyến yên"],
  ["thóat vị", "thoát vị"],
  ["thoát vi", "thoát vị"],
  ["tổn thưong", "tổn thương"],
  ["xuất huyêt", "xuất huyết"],
  ["sơ gan", "xơ gan"],
  ["xơ vửa", "xơ vữa"],
  ["sơ vữa", "xơ vữa"],
  ["gẫy xương", "gãy xương"],
  ["dãn não thất", "giãn não thất"],
  ["dây trằng", "dây chằng"],
  ["giây chằng", "dây chằng"],
  ["trụ mỡ", "tụ mỡ"],
  ["bàng quan", "bàng quang"],
  ["rốn phối", "rốn phổi"],
  ["chèn ếp", "chèn ép"],
  ["hạch tro", "hạch to"],
  ["theo giõi", "theo dõi"],
  ["tái khám xau", "tái khám sau"],
];
