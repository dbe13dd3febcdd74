package kotanitest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"math/big"
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
	key := generator().times(u1).plus(point{r, y, one()}.times(u2.Mod(u2, n)))
	if key.z.Sign() == 0 {
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
type point struct{ x, y, z *big.Int }

func one() *big.Int { return big.NewInt(1) }

// fieldPrime is 2²⁵⁶ - 2³² - 977.
func fieldPrime() *big.Int {
	p := new(big.Int).Lsh(one(), 256)
	return p.Sub(p, big.NewInt(1<<32+977))
}

func curveOrder() *big.Int {
	return hexNumber("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
}

func generator() point {
	return point{
		hexNumber("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
		hexNumber("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"), one(),
	}
}

func hexNumber(digits string) *big.Int {
	n, _ := new(big.Int).SetString(digits, 16) // it is hex
	return n
}

func (a point) affine() (x, y *big.Int) {
	p := fieldPrime()
	inverse := new(big.Int).ModInverse(a.z, p)
	x, y = new(big.Int).Mul(inverse, inverse), new(big.Int).Exp(inverse, big.NewInt(3), p)
	return x.Mod(x.Mul(x, a.x), p), y.Mod(y.Mul(y, a.y), p)
}

func (a point) times(k *big.Int) point {
	sum := point{one(), one(), new(big.Int)}
	for i := k.BitLen() - 1; i >= 0; i-- {
		sum = sum.double()
		if k.Bit(i) == 1 {
			sum = sum.plus(a)
		}
	}
	return sum
}

// field calculates modulo the prime.
type field struct{ p *big.Int }

func (f field) mul(a, b *big.Int) *big.Int { c := new(big.Int).Mul(a, b); return c.Mod(c, f.p) }

func (f field) sub(a, b *big.Int) *big.Int { c := new(big.Int).Sub(a, b); return c.Mod(c, f.p) }

func (f field) twice(a *big.Int) *big.Int { c := new(big.Int).Lsh(a, 1); return c.Mod(c, f.p) }

func (a point) double() point {
	f := field{fieldPrime()}
	yy := f.mul(a.y, a.y)
	d := f.twice(f.twice(f.mul(a.x, yy)))
	xx := f.mul(a.x, a.x)
	e := f.mul(big.NewInt(3), xx)
	x := f.sub(f.mul(e, e), f.twice(d))
	eight := f.twice(f.twice(f.twice(f.mul(yy, yy))))
	return point{x, f.sub(f.mul(e, f.sub(d, x)), eight), f.twice(f.mul(a.y, a.z))}
}

func (a point) plus(b point) point {
	switch {
	case a.z.Sign() == 0:
		return b
	case b.z.Sign() == 0:
		return a
	}
	f := field{fieldPrime()}
	za, zb := f.mul(a.z, a.z), f.mul(b.z, b.z)
	u, s := f.mul(a.x, zb), f.mul(f.mul(a.y, b.z), zb)
	h, r := f.sub(f.mul(b.x, za), u), f.sub(f.mul(f.mul(b.y, a.z), za), s)
	if h.Sign() == 0 {
		if r.Sign() == 0 {
			return a.double()
		}
		return point{one(), one(), new(big.Int)}
	}
	hh := f.mul(h, h)
	hhh, v := f.mul(h, hh), f.mul(u, hh)
	x := f.sub(f.sub(f.mul(r, r), hhh), f.twice(v))
	return point{x, f.sub(f.mul(r, f.sub(v, x)), f.mul(s, hhh)), f.mul(h, f.mul(a.z, b.z))}
}
