package kapiten

// WeightRange is a package weight category in kilograms. To which of two
// neighbouring ranges a limit belongs is not documented.
type WeightRange string

// The documented choices.
const (
	Weight0To5   WeightRange = "0-5"
	Weight5To10  WeightRange = "5-10"
	Weight10To20 WeightRange = "10-20"
	WeightOver20 WeightRange = "20+"
)
