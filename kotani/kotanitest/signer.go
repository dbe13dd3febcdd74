package kotanitest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/big"
	"math/bits"
	"strconv"
	"strings"

	"github.com/kapiteni/kapiten-go/kotani"
)

// Signer is a kotani.Signer for tests: a wallet which signs logins of FiatConnect.
// Make one with NewSigner.
//
// Never use it for a wallet with real money. Its key follows from its name, and its
// arithmetic takes a time that tells about the key.
type Signer struct {
	key     *big.Int
	address string
}

// NewSigner makes the wallet of a name. The same name makes the same wallet.
func NewSigner(name string) *Signer {
	sum := keccak256([]byte("kotanitest.Signer " + name))
	key := new(big.Int).SetBytes(sum[:])
	key.Add(key.Mod(key, new(big.Int).Sub(curveOrder(), one())), one())
	return &Signer{key, addressOf(generator().times(key))}
}

// Address is the wallet's, in the mixed case of EIP-55.
func (s *Signer) Address() string { return s.address }

// SignMessage signs a login message of this wallet by EIP-191. It refuses any other
// text.
func (s *Signer) SignMessage(_ context.Context, message []byte) ([]byte, error) {
	login, err := kotani.ParseSIWEMessage(string(message))
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(login.Address, s.address) {
		return nil, errors.New("kotanitest: the login is another wallet's")
	}
	return s.sign(message), nil
}

// sign makes r, s and v. The number that must not come twice follows from key and
// message.
func (s *Signer) sign(message []byte) []byte {
	n, z := curveOrder(), digest191(message)
	sum := keccak256(append(s.key.FillBytes(make([]byte, 32)), z.FillBytes(make([]byte, 32))...))
	k := new(big.Int).SetBytes(sum[:])
	x, y := generator().times(k.Mod(k, n)).affine()
	t := new(big.Int).Mul(x, s.key)
	t.Mul(t.Add(t, z), new(big.Int).ModInverse(k, n))
	t.Mod(t, n)
	v := byte(27 + y.Bit(0))
	if t.Cmp(new(big.Int).Rsh(n, 1)) > 0 { // Ethereum takes the lower of two
		t.Sub(n, t)
		v ^= 27 ^ 28
	}
	signature := append(x.FillBytes(make([]byte, 32)), t.FillBytes(make([]byte, 32))...)
	return append(signature, v)
}

// recoverAddress is the address of the wallet that signed a message by EIP-191. The
// signature has 65 bytes: r, s and v, where v counts from 0 or from 27. It is empty
// when nobody can have made the signature.
func recoverAddress(message, signature []byte) string {
	p, n := fieldPrime(), curveOrder()
	if len(signature) != signatureBytes {
		return ""
	}
	r, s, v := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:64]), signature[64]
	if v >= 27 {
		v -= 27
	}
	if v > 1 || r.Sign() == 0 || r.Cmp(n) >= 0 || s.Sign() == 0 || s.Cmp(n) >= 0 {
		return ""
	}
	// The curve is y² = x³ + 7.
	square := new(big.Int).Exp(r, big.NewInt(3), p)
	square.Add(square, big.NewInt(7))
	y := new(big.Int).ModSqrt(square.Mod(square, p), p)
	if y == nil {
		return ""
	}
	if byte(y.Bit(0)) != v {
		y.Sub(p, y)
	}
	// The key is (s·R - z·G) / r.
	inverse := new(big.Int).ModInverse(r, n)
	u1 := new(big.Int).Mul(digest191(message), inverse)
	u1.Mod(u1.Neg(u1), n)
	u2 := new(big.Int).Mul(s, inverse)
	key := sumOf(generator(), u1, pointAt(r, y), u2.Mod(u2, n))
	if key.z == (element{}) {
		return ""
	}
	return addressOf(key)
}

// digest191 is what EIP-191 signs in place of a text.
func digest191(message []byte) *big.Int {
	sum := keccak256(bytes.Join([][]byte{[]byte("\x19Ethereum Signed Message:\n"), []byte(strconv.Itoa(len(message))), message}, nil))
	return new(big.Int).SetBytes(sum[:])
}

// addressOf is the last 20 bytes of the hash of a public key.
func addressOf(key point) string {
	x, y := key.affine()
	sum := keccak256(append(x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32))...))
	return checksummed(hex.EncodeToString(sum[12:]))
}

// point is a point of secp256k1, which the standard library lacks, in Jacobian
// coordinates: x/z², y/z³. z is zero at infinity.
type point struct{ x, y, z element }

func one() *big.Int { return big.NewInt(1) }

// fieldPrime is 2²⁵⁶ - fold.
func fieldPrime() *big.Int {
	p := new(big.Int).Lsh(one(), 256)
	return p.Sub(p, big.NewInt(fold))
}

func curveOrder() *big.Int {
	return hexNumber("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
}

func generator() point {
	return pointAt(
		hexNumber("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
		hexNumber("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
	)
}

func hexNumber(digits string) *big.Int {
	n, _ := new(big.Int).SetString(digits, 16) // it is hex
	return n
}

func pointAt(x, y *big.Int) point { return point{elementOf(x), elementOf(y), element{1}} }

func (a point) affine() (x, y *big.Int) {
	inverse := elementOf(new(big.Int).ModInverse(a.z.number(), fieldPrime()))
	square := inverse.times(inverse)
	return a.x.times(square).number(), a.y.times(square).times(inverse).number()
}

func (a point) times(k *big.Int) point { return sumOf(a, k, point{}, new(big.Int)) }

// sumOf is k·a + l·b. One walk over the bits of both takes half the time of two.
func sumOf(a point, k *big.Int, b point, l *big.Int) point {
	summands := [4]point{{}, a, b, a.plus(b)}
	var sum point
	for i := max(k.BitLen(), l.BitLen()) - 1; i >= 0; i-- {
		sum = sum.double().plus(summands[k.Bit(i)|l.Bit(i)<<1])
	}
	return sum
}

func (a point) double() point {
	yy, xx := a.y.times(a.y), a.x.times(a.x)
	d := a.x.times(yy).twice().twice()
	e := xx.twice().plus(xx)
	x := e.times(e).minus(d.twice())
	eight := yy.times(yy).twice().twice().twice()
	return point{x, e.times(d.minus(x)).minus(eight), a.y.times(a.z).twice()}
}

func (a point) plus(b point) point {
	switch {
	case a.z == element{}:
		return b
	case b.z == element{}:
		return a
	}
	za, zb := a.z.times(a.z), b.z.times(b.z)
	u, s := a.x.times(zb), a.y.times(b.z).times(zb)
	h, r := b.x.times(za).minus(u), b.y.times(a.z).times(za).minus(s)
	if h == (element{}) {
		if r == (element{}) {
			return a.double()
		}
		return point{}
	}
	hh := h.times(h)
	hhh, v := h.times(hh), u.times(hh)
	x := r.times(r).minus(hhh).minus(v.twice())
	return point{x, r.times(v.minus(x)).minus(s.times(hhh)), h.times(a.z.times(b.z))}
}

// element is a number below the prime, in four words. The lowest comes first.
type element [4]uint64

// fold stands for 2²⁵⁶: the two differ by the prime.
const fold = 1<<32 + 977

func elementOf(n *big.Int) (a element) {
	b := n.FillBytes(make([]byte, 32))
	for i := range a {
		a[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	return a
}

func (a element) number() *big.Int {
	b := make([]byte, 32)
	for i, word := range a {
		binary.BigEndian.PutUint64(b[24-8*i:], word)
	}
	return new(big.Int).SetBytes(b)
}

func (a element) plus(b element) element {
	var sum, less element // less is the sum without the prime
	var over, fits uint64
	fits = fold
	for i := range sum {
		sum[i], over = bits.Add64(a[i], b[i], over)
		less[i], fits = bits.Add64(sum[i], fits, 0)
	}
	if over+fits > 0 {
		return less
	}
	return sum
}

func (a element) minus(b element) element {
	negative := element{1<<64 - 1 - (fold - 1), 1<<64 - 1, 1<<64 - 1, 1<<64 - 1} // the prime
	var under uint64
	for i := range negative {
		negative[i], under = bits.Sub64(negative[i], b[i], under)
	}
	return a.plus(negative)
}

func (a element) twice() element { return a.plus(a) }

func (a element) times(b element) element {
	var product [8]uint64
	for i := range a {
		for j := range b {
			product[i+j], product[i+4] = multiply(a[i], b[j], product[i+j], product[i+4])
		}
	}
	var low element
	var high uint64
	for i := range low {
		low[i], high = multiply(product[i+4], fold, product[i], high)
	}
	var rest element
	rest[1], rest[0] = bits.Mul64(high, fold)
	return low.plus(rest)
}

// multiply is a·b + c + d, which two words always hold.
func multiply(a, b, c, d uint64) (low, high uint64) {
	var over uint64
	high, low = bits.Mul64(a, b)
	low, over = bits.Add64(low, c, 0)
	high += over
	low, over = bits.Add64(low, d, 0)
	return low, high + over
}
