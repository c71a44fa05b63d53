package main

// tongue is a language that a procedural world takes names from. A compound joins a
// head and a tail. One ! marks a confidential name, two a highly confidential one; they
// are grouped by the departments that keep them. A quarter of the confidential names
// comes from plainTopics instead, words that any list of sensitive terms contains.
type tongue struct {
	code, library, head, compound string // compound is a format of %[1]s (head) and %[2]s (tail)
	syllables                     string
	heads, tails                  string
	secret                        [5]string // money, people, law, customers, leadership and technology
	depts                         string
	files                         [2]string
	mailHosts                     string
}

var tongues = []tongue{
	{code: "en", library: "Shared Documents", head: "Head of ", compound: "%[1]s %[2]s",
		syllables: "bar cor del fen gal hol kes lim mor nan pel quor ris sol tam vel wen yor zan thi",
		heads: "Supplier Depot Fleet Tender Showroom Workshop Complaint Logistics Packaging Warranty Catalogue Branch " +
			"Service Sample Tooling Site",
		tails: "Register|Handbook|Rota|Worklist|Tracker|Minutes|Library|Drawings|Photos|Templates|Ledger",
		secret: [5]string{"!Cash Ladder|!!Covenant Tests|!Hedge Book|!Month End Pack",
			"!!Merit Round|!Talent Grid|!!Exit Interviews|!Sick Notes", "!Claims Room|!!Carve Out|!Dawn Raid File|!Trademark Watch",
			"!Key Account Book|!Churn Watch|!Quote Desk", "!!Succession|!Red Team Notes|!Root Keys|!!Project Lantern"},
		depts: "Product Development|Field Sales|Client Care|Accounts|People Team|Legal Affairs|Brand|Systems|Insights|" +
			"Management", files: [2]string{"North Spring Revised Second Joint Site Interim Shift Spare Night Sample Local",
			"Memo|Sheet|Outline|Sketch|Record|Log|Overview|Worksheet|Protocol|Figures|Letter"},
		mailHosts: "gmail.com outlook.com yahoo.com icloud.com"},
	{code: "de", library: "Freigegebene Dokumente", head: "Leitung ", compound: "%[1]s%[2]s",
		syllables: "bra del fal gro hau kel lin mar nor rau sel tan vol wer zei brun dorf stein",
		heads: "Liefer Lager Werks Anlagen Montage Prüf Angebots Reklamations Versand Ersatzteil Schulungs Messe Fuhrpark " +
			"Standort Bestell Wartungs",
		tails: "übersicht|ablage|planung|mappe|verzeichnis|protokolle|zeichnungen|listen|vorlagen|handbuch|kalender",
		secret: [5]string{"!Liquiditätsvorschau|!!Hausbankspiegel|!Deckungsbeitragsrechnung|!Umsatzsteuervoranmeldung",
			"!!Lohnbuchhaltung|!Zielvereinbarungen|!!Abfindungsregelungen|!Krankmeldungen",
			"!Rechtsstreitigkeiten|!!Beteiligungsvorhaben|!Betriebsratsvereinbarungen|!Schutzrechte",
			"!Kundenstammblätter|!Preisfindung|!Rabattstaffeln",
			"!!Gesellschafterversammlung|!Geschäftsleitungsrunde|!!Nachfolgeregelung|!Schwachstellenanalyse"},
		depts: "Entwicklung|Vertrieb|Kundendienst|Finanzen|Personal|Recht|Marketing|IT-Betrieb|Auswertung|Geschäftsleitung",
		files: [2]string{"Neue Zweite Vorläufige Geprüfte Gemeinsame Interne Überarbeitete Offene Monatliche Örtliche",
			"Aufstellung|Vorlage|Entwurf|Niederschrift|Zeichnung|Bewertung|Anfrage|Stückliste|Messreihe|Rechnung|Angebot"},
		mailHosts: "gmx.de web.de t-online.de gmail.com"},
	{code: "fr", library: "Documents partages", head: "Direction ", compound: "%[2]s %[1]s",
		syllables: "bel char dou fre gra jou lau mont nau pro ron sau ter val ville rive bois clai",
		heads:     "fournisseurs|chantier|atelier|expédition|garantie|catalogue|agence|outillage|formation|maintenance|salon|flotte",
		tails:     "Registre|Planning|Suivi|Fiches|Plans|Photos|Modèles|Comptes rendus|Dossier|Liste|Guide",
		secret: [5]string{"!Trésorerie prévisionnelle|!!Engagements bancaires|!Marge par affaire|!Clôture mensuelle",
			"!!Masse salariale|!Entretiens annuels|!!Ruptures conventionnelles|!Arrêts maladie",
			"!Contentieux|!!Rachat Orval|!Brevets en cours|!Prud'hommes", "!Grands comptes|!Tarifs négociés|!Remises",
			"!!Comité de direction|!Plan de succession|!Failles relevées|!!Projet Mistral"},
		depts: "Études|Ventes|Service clients|Comptabilité|Ressources humaines|Juridique|Communication|Informatique|Données|" +
			"Direction", files: [2]string{"Nouveau Second Provisoire Commun Interne Revu Mensuel Ouvert Local Ancien",
			"Bordereau|Relevé|Ébauche|Schéma|Compte|Tableau|Mémoire|Courrier|Devis|Facture|Bilan"},
		mailHosts: "orange.fr free.fr laposte.net gmail.com"},
	{code: "es", library: "Documentos compartidos", head: "Responsable de ", compound: "%[2]s de %[1]s",
		syllables: "bar cas del fue gar her lla mar nor paz rui sal tor val ver zar que llo",
		heads:     "proveedores|almacén|taller|envíos|garantías|catálogo|sucursal|obra|formación|mantenimiento|feria|flota",
		tails:     "Registro|Planificación|Seguimiento|Fichas|Planos|Fotos|Plantillas|Actas|Carpeta|Listado|Guía",
		secret: [5]string{"!Tesorería prevista|!!Líneas de crédito|!Márgenes por obra|!Cierre mensual",
			"!!Sueldos y primas|!Evaluaciones|!!Bajas pactadas|!Partes médicos",
			"!Pleitos abiertos|!!Compra Albor|!Marcas registradas|!Inspección laboral",
			"!Cuentas clave|!Tarifas pactadas|!Descuentos",
			"!!Consejo de administración|!Relevo directivo|!Fallos de seguridad|!!Proyecto Faro"},
		depts: "Desarrollo|Ventas|Atención al cliente|Contabilidad|Personas|Asesoría jurídica|Comunicación|Sistemas|Datos|" +
			"Dirección", files: [2]string{"Nuevo Segundo Provisional Común Interno Revisado Mensual Abierto Local Viejo",
			"Albarán|Borrador|Esquema|Cuadro|Memoria|Carta|Presupuesto|Factura|Balance|Parte|Ficha"},
		mailHosts: "gmail.com hotmail.es outlook.es terra.es"},
	{code: "pl", library: "Dokumenty udostepnione", head: "Kierownik: ", compound: "%[2]s %[1]s",
		syllables: "bia dob gra jas kal lub mir nie pol raw sta tar wol zag czy ski now dom",
		heads:     "dostawców|magazynu|warsztatu|wysyłki|gwarancji|katalogu|oddziału|budowy|szkoleń|serwisu|targów|floty",
		tails:     "Rejestr|Plan|Zestawienie|Karty|Rysunki|Zdjęcia|Szablony|Protokoły|Teczka|Lista|Poradnik",
		secret: [5]string{"!Płynność|!!Kredyty obrotowe|!Marże|!Zamknięcie miesiąca",
			"!!Lista płac|!Oceny roczne|!!Odprawy|!Zwolnienia lekarskie",
			"!Spory sądowe|!!Przejęcie Dąb|!Znaki towarowe|!Kontrola skarbowa", "!Kluczowi klienci|!Cenniki|!Rabaty",
			"!!Zarząd|!Następstwo|!Podatności|!!Projekt Wisła"},
		depts: "Rozwój|Sprzedaż|Obsługa klienta|Księgowość|Kadry|Dział prawny|Marketing|Informatyka|Analizy|Zarząd",
		files: [2]string{"Nowy Drugi Wstępny Wspólny Wewnętrzny Poprawiony Miesięczny Otwarty Lokalny Stary",
			"Wykaz|Szkic|Schemat|Tabela|Notatka|Pismo|Wycena|Faktura|Bilans|Raport|Karta"}, mailHosts: "wp.pl onet.pl o2.pl gmail.com"},
	{code: "ja", library: "Shared Documents", head: "部長 ", compound: "%[1]s%[2]s",
		syllables: "aki fuji hana ishi kawa mori naka sato shima taka yama yoshi mizu haru kita ume",
		heads:     "取引先|倉庫|工場|出荷|保証|店舗|研修|保守|展示会|車両|購買|検査",
		tails:     "一覧|台帳|計画|図面|写真|雛形|議事録|資料|手順書|記録",
		secret: [5]string{"!資金繰り|!!借入契約|!採算表|!月次決算", "!!給与明細|!人事考課|!!退職協議|!診断書", "!係争案件|!!買収検討|!特許出願|!労務監査", "!顧客名簿|!見積単価|!値引基準",
			"!!取締役会|!後継計画|!脆弱性報告|!!暁計画"},
		depts:     "開発部|営業部|顧客支援部|経理部|人事部|法務部|広報部|情報システム部|分析部|経営企画室",
		files:     [2]string{"新規 改訂 暫定 共同 社内 月次 地域 旧版 追加 最終", "一覧表|下書き|図表|覚書|報告|見積|請求書|集計|申請書|案内|記録"},
		mailHosts: "gmail.com yahoo.co.jp docomo.ne.jp icloud.com"},
}

var plainTopics = [5]string{"!!Payroll|!Treasury|!Forecast|!Revenue Bridge",
	"!!Compensation|!Performance Review|!Personnel Files|!Bonus Plan", "!Litigation|!Contracts|!!Merger Files|!Settlement",
	"!Pricing|!Customer List|!Client List", "!!Board Papers|!Strategy|!Vault|!Penetration Tests"}

// keepers maps a department to its group of confidential names.
var keepers = [nDepts]int{4, 3, 3, 0, 1, 2, 3, 4, 3, 4}

var roles = [nDepts][]string{
	{"Developer", "Lead Developer", "Test Engineer", "Platform Engineer"},
	{"Sales Representative", "Key Account Manager", "Sales Support"}, {"Service Agent", "Service Engineer", "Client Adviser"},
	{"Bookkeeper", "Controller", "Cost Accountant"}, {"HR Adviser", "Recruiting Partner", "HR Administrator"},
	{"Lawyer", "Legal Assistant"}, {"Copywriter", "Art Director", "Campaign Lead"},
	{"System Engineer", "Helpdesk Agent", "Security Engineer"}, {"Analyst", "Data Engineer", "Modeller"},
	{"Managing Director", "Executive Assistant", "Director"},
}

var appWords = [2]string{"Pin Fox Loop Leaf Nest Kite Moss Orbit Pebble Raven Tide Vivid Wren Cobalt",
	"board desk dock cast grid note pad sign stack track wise hub path form"}
var appTails = "|Plus|Cloud|Assist|.io"

var repoWords = [2]string{"ledger gateway router parser fleet tariff invoice-print scanner portal kiosk planner beacon relay " +
	"pricing-rules sensor catalog", "core ui api worker lib sync cli infra tests jobs"}
var bucketWords = [2]string{"telemetry orders scans maps mirror render exports media lake reports archive replays",
	"raw daily eu stage prod cold hot"}
