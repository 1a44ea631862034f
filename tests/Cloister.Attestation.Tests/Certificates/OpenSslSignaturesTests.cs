using System.Security.Cryptography;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Tests.Certificates;

/// <summary>OpenSSL called directly gives the answers of the runtime's classes, for right and for wrong keys and signatures of every kind.</summary>
public sealed class OpenSslSignaturesTests
{
    public static TheoryData<PublicKeyKind> Curves => [PublicKeyKind.P256, PublicKeyKind.P384];

    [Theory, MemberData(nameof(Curves))]
    public void Right_signatures_verify(PublicKeyKind kind)
    {
        using Subject subject = new(kind);
        for (int i = 0; i < 50; i++)
        {
            byte[] message = RandomNumberGenerator.GetBytes(i * 13);
            Assert.True(subject.Agree(message, subject.Sign(message, DSASignatureFormat.Rfc3279DerSequence), derEncoded: true));
            Assert.True(subject.Agree(message, subject.Sign(message, DSASignatureFormat.IeeeP1363FixedFieldConcatenation), derEncoded: false));
        }
    }

    [Theory, MemberData(nameof(Curves))]
    public void Every_flipped_byte_of_a_signature_or_message_fails(PublicKeyKind kind)
    {
        using Subject subject = new(kind);
        byte[] message = RandomNumberGenerator.GetBytes(40);
        foreach (bool der in (bool[])[true, false])
        {
            byte[] signature = subject.Sign(message, der ? DSASignatureFormat.Rfc3279DerSequence : DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            for (int i = 0; i < signature.Length; i++)
            {
                Assert.False(subject.Agree(message, Flip(signature, i), der), $"byte {i}");
            }

            for (int i = 0; i < message.Length; i++)
            {
                Assert.False(subject.Agree(Flip(message, i), signature, der), $"byte {i}");
            }
        }
    }

    [Theory, MemberData(nameof(Curves))]
    public void Signatures_out_of_range_or_of_another_form_fail(PublicKeyKind kind)
    {
        using Subject subject = new(kind);
        byte[] message = [1, 2, 3];
        byte[] good = subject.Sign(message, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        int half = good.Length / 2;
        byte[] zero = new byte[half];
        byte[] ones = [.. Enumerable.Repeat((byte)0xFF, half)];
        byte[] order = Convert.FromHexString(kind == PublicKeyKind.P256
            ? "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
            : "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973");
        foreach (byte[] part in (byte[][])[zero, ones, order])
        {
            Assert.False(subject.Agree(message, [.. part, .. good[half..]], derEncoded: false));
            Assert.False(subject.Agree(message, [.. good[..half], .. part], derEncoded: false));
            Assert.False(subject.Agree(message, [.. part, .. part], derEncoded: false));
        }

        Assert.False(subject.Agree(message, [], derEncoded: false));
        Assert.False(subject.Agree(message, good[..^1], derEncoded: false));
        Assert.False(subject.Agree(message, [.. good, 0], derEncoded: false));
        Assert.False(subject.Agree(message, good, derEncoded: true));

        byte[] der = subject.Sign(message, DSASignatureFormat.Rfc3279DerSequence);
        Assert.False(subject.Agree(message, [], derEncoded: true));
        Assert.False(subject.Agree(message, [.. der, 0], derEncoded: true));
        Assert.False(subject.Agree(message, der[..^1], derEncoded: true));
        Assert.False(subject.Agree(message, [0x30, 0x81, der[1], .. der[2..]], derEncoded: true));
        Assert.False(subject.Agree(message, der, derEncoded: false));
    }

    [Theory, MemberData(nameof(Curves))]
    public void Points_off_the_curve_verify_nothing(PublicKeyKind kind)
    {
        using Subject subject = new(kind);
        byte[] message = [1, 2, 3];
        byte[] signature = subject.Sign(message, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        byte[] point = subject.Point;
        foreach (byte[] wrong in (byte[][])[Flip(point, 0), Flip(point, point.Length - 1), new byte[point.Length], [.. Enumerable.Repeat((byte)0xFF, point.Length)]])
        {
            Assert.False(Subject.Agree(SubjectPublicKey.FromPoint(kind, wrong), kind, message, signature, derEncoded: false));
        }
    }

    /// <summary>Key objects are used again: what one use leaves behind, a good point or a failure, must not show in the next, nor between threads.</summary>
    [Fact]
    public void Uses_of_a_key_object_do_not_touch_each_other()
    {
        using Subject first = new(PublicKeyKind.P256);
        using Subject second = new(PublicKeyKind.P256);
        using Subject other = new(PublicKeyKind.P384);
        byte[] message = [1, 2, 3];
        byte[][] signatures = [.. new[] { first, second, other }.Select(subject => subject.Sign(message, DSASignatureFormat.Rfc3279DerSequence))];
        SubjectPublicKey offCurve = SubjectPublicKey.FromPoint(PublicKeyKind.P256, Flip(first.Point, 0));
        SubjectPublicKey[] keys = [SubjectPublicKey.FromPoint(PublicKeyKind.P256, first.Point), SubjectPublicKey.FromPoint(PublicKeyKind.P256, second.Point), SubjectPublicKey.FromPoint(PublicKeyKind.P384, other.Point)];
        Parallel.For(0, 8, _ =>
        {
            for (int i = 0; i < 200; i++)
            {
                Assert.True(keys[0].Verify(SignatureScheme.EcdsaSha256, message, signatures[0], derEncoded: true));
                Assert.False(offCurve.Verify(SignatureScheme.EcdsaSha256, message, signatures[0], derEncoded: true));
                Assert.False(keys[1].Verify(SignatureScheme.EcdsaSha256, message, signatures[0], derEncoded: true));
                Assert.True(keys[1].Verify(SignatureScheme.EcdsaSha256, message, signatures[1], derEncoded: true));
                Assert.True(keys[2].Verify(SignatureScheme.EcdsaSha384, message, signatures[2], derEncoded: true));
            }
        });
    }

    [Fact]
    public void RSA_agrees_for_right_and_wrong_signatures()
    {
        using RSA rsa = RSA.Create(4096);
        RSAParameters key = rsa.ExportParameters(false);
        byte[] message = RandomNumberGenerator.GetBytes(100);
        byte[] signature = rsa.SignData(message, HashAlgorithmName.SHA384, RSASignaturePadding.Pss);
        Assert.True(Agree(message, signature));
        Assert.False(Agree(Flip(message, 5), signature));
        for (int i = 0; i < signature.Length; i += 7)
        {
            Assert.False(Agree(message, Flip(signature, i)), $"byte {i}");
        }

        Assert.False(Agree(message, []));
        Assert.False(Agree(message, signature[1..]));
        Assert.False(Agree(message, [0, .. signature]));
        Assert.False(Agree(message, new byte[512]));
        Assert.False(Agree(message, [.. Enumerable.Repeat((byte)0xFF, 512)]));
        Assert.False(Agree(message, key.Modulus!));
        Assert.False(Agree(message, rsa.SignData(message, HashAlgorithmName.SHA384, RSASignaturePadding.Pkcs1)));
        Assert.False(Agree(message, rsa.SignData(message, HashAlgorithmName.SHA256, RSASignaturePadding.Pss)));

        bool Agree(byte[] signed, byte[] candidate)
        {
            bool expected = rsa.VerifyData(signed, candidate, HashAlgorithmName.SHA384, RSASignaturePadding.Pss);
            if (OpenSslSignatures.IsAvailable)
            {
                Assert.Equal(expected, OpenSslSignatures.VerifyPss(key.Modulus, key.Exponent, SHA384.HashData(signed), candidate));
            }

            return expected;
        }
    }

    private static byte[] Flip(byte[] bytes, int index)
    {
        byte[] flipped = [.. bytes];
        flipped[index] ^= 1;
        return flipped;
    }

    private sealed class Subject : IDisposable
    {
        private readonly PublicKeyKind _kind;
        private readonly ECDsa _key;

        public Subject(PublicKeyKind kind)
        {
            _kind = kind;
            _key = ECDsa.Create(kind == PublicKeyKind.P256 ? ECCurve.NamedCurves.nistP256 : ECCurve.NamedCurves.nistP384);
            ECPoint q = _key.ExportParameters(false).Q;
            Point = [.. q.X!, .. q.Y!];
        }

        public byte[] Point { get; }

        public static bool Agree(SubjectPublicKey key, PublicKeyKind kind, byte[] message, byte[] signature, bool derEncoded)
        {
            bool expected;
            try
            {
                expected = key.VerifyEcdsaByRuntime(Hash(kind), message, signature, derEncoded);
            }
            catch (CryptographicException)
            {
                expected = false;
            }

            SignatureScheme scheme = kind == PublicKeyKind.P256 ? SignatureScheme.EcdsaSha256 : SignatureScheme.EcdsaSha384;
            Assert.Equal(expected, key.Verify(scheme, message, signature, derEncoded));
            return expected;
        }

        public bool Agree(byte[] message, byte[] signature, bool derEncoded) => Agree(SubjectPublicKey.FromPoint(_kind, Point), _kind, message, signature, derEncoded);

        public byte[] Sign(byte[] message, DSASignatureFormat format) => _key.SignData(message, Hash(_kind), format);

        public void Dispose() => _key.Dispose();

        private static HashAlgorithmName Hash(PublicKeyKind kind) => kind == PublicKeyKind.P256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA384;
    }
}
