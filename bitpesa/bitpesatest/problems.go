package bitpesatest

// The two error words the vendor's documents show, and one of ours (assumed).
const (
	wordBlank   = "blank"
	wordInvalid = "invalid"
	wordTaken   = "taken" // a duplicate external_id: the vendor's word is unpublished
)

// problems are the errors of one object: {"field":[{"error":"blank"}]}.
type problems map[string][]map[string]string

func (p problems) add(field, word string) {
	p[field] = append(p[field], map[string]string{"error": word})
}

// require adds blank for each key that is missing.
func (p problems) require(o object, keys ...string) {
	for _, k := range keys {
		if blank(o[k]) {
			p.add(k, wordBlank)
		}
	}
}

// oneOf adds invalid for a value that is there and none of the allowed.
func (p problems) oneOf(o object, key string, allowed ...string) {
	if blank(o[key]) {
		return
	}
	value := text(o, key)
	for _, a := range allowed {
		if a == value {
			return
		}
	}
	p.add(key, wordInvalid)
}

// sentence is a problem of the object as a whole, told in a sentence.
func sentence(text string) problems {
	p := problems{}
	p.add("base", text)
	return p
}
