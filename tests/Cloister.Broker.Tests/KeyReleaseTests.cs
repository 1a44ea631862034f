using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Release;
using Cloister.Kbs;
using JWE = Jose.JWE;

namespace Cloister.Broker.Tests;

public sealed class KeyReleaseTests
{
    [Theory]
    [InlineData("nistP256", "P-256")]
    [InlineData("nistP521", "P-521")]
    public void EllipticKeysReadWhatIsReleased(string curveName, string crv)
    {
        using ECDiffieHellman key = ECDiffieHellman.Create(ECCurve.CreateFromFriendlyName(curveName));
        ECPoint point = key.ExportParameters(false).Q;
        string jwk = $$"""{"kty":"EC","crv":"{{crv}}","alg":"ECDH-ES+A256KW","x":"{{B64(point.X!)}}","y":"{{B64(point.Y!)}}"}""";
        byte[] secret = RandomNumberGenerator.GetBytes(48);
        FlattenedJwe jwe = KeyRelease.Encrypt(secret, Parse(jwk));
        Assert.Equal(secret, Decrypt(jwe, key));
        Assert.Matches(
            $$"""^\{"alg":"ECDH-ES\+A256KW","enc":"A256GCM","epk":\{"crv":"{{crv}}","kty":"EC","x":"[A-Za-z0-9_-]+","y":"[A-Za-z0-9_-]+"\}\}$""",
            Encoding.ASCII.GetString(Base64Url.DecodeFromChars(jwe.Protected)));
    }

    [Fact]
    public void RsaKeysReadWhatIsReleased()
    {
        using RSA key = RSA.Create(2048);
        byte[] secret = RandomNumberGenerator.GetBytes(48);
        FlattenedJwe jwe = KeyRelease.Encrypt(secret, Parse(RsaJwk(key)));
        Assert.Equal(secret, Decrypt(jwe, key));
        Assert.Equal("""{"alg":"RSA-OAEP-256","enc":"A256GCM"}""", Encoding.ASCII.GetString(Base64Url.DecodeFromChars(jwe.Protected)));
    }

    [Fact]
    public void VectorsOfOtherProgramsAreWhatWeMake()
    {
        string file = Path.Combine(EvidenceDirectory.Require(), "kbs_vectors", "vectors.json");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file));
        foreach (JsonElement vector in document.RootElement.GetProperty("vectors").EnumerateArray())
        {
            JsonElement jwk = vector.GetProperty("private_jwk");
            using AsymmetricAlgorithm key = PrivateKey(jwk);
            byte[] expected = Convert.FromHexString(vector.GetProperty("jwe_plaintext_hex").GetString()!);
            Assert.Equal(expected, Decrypt(vector.GetProperty("jwe").Deserialize(KbsJson.Default.FlattenedJwe)!, key));
            FlattenedJwe ours = KeyRelease.Encrypt(expected, TeePublicKey.Parse(vector.GetProperty("tee_pubkey")));
            Assert.Equal(expected, Decrypt(ours, key));
        }
    }

    [Fact]
    public void TheThumbprintIsThatOfRfc7638()
    {
        const string Modulus =
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q"
            + "vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        Assert.Equal("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", Parse($$"""{"kty":"RSA","n":"{{Modulus}}","e":"AQAB","alg":"RSA-OAEP-256","kid":"2011-04-29"}""").Thumbprint);
    }

    [Fact]
    public void KeysThatMustNotBeUsedAreRefused()
    {
        using ECDiffieHellman key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        ECPoint point = key.ExportParameters(false).Q;
        string x = B64(point.X!);
        string y = B64(point.Y!);
        byte[] elsewhere = [.. point.Y!];
        elsewhere[^1] ^= 1;
        using RSA small = RSA.Create(1024);
        string[] refused =
        [
            "[]", "{}",
            $$"""{"kty":"EC","crv":"P-256","x":"{{x}}","y":"{{y}}"}""",
            $$"""{"kty":"EC","crv":"P-256","alg":"ECDH-ES","x":"{{x}}","y":"{{y}}"}""",
            $$"""{"kty":"EC","crv":"P-384","alg":"ECDH-ES+A256KW","x":"{{x}}","y":"{{y}}"}""",
            $$"""{"kty":"EC","crv":"P-521","alg":"ECDH-ES+A256KW","x":"{{x}}","y":"{{y}}"}""",
            $$"""{"kty":"EC","crv":"P-256","alg":"ECDH-ES+A256KW","x":"{{x}}","x":"{{x}}","y":"{{y}}"}""",
            $$"""{"kty":"EC","crv":"P-256","alg":"ECDH-ES+A256KW","x":"{{x}}=","y":"{{y}}"}""",
            $$"""{"kty":"EC","crv":"P-256","alg":"ECDH-ES+A256KW","x":"{{x}}","y":"{{B64(elsewhere)}}"}""",
            $$"""{"kty":"EC","crv":"P-256","alg":"ECDH-ES+A256KW","x":"{{x}}","y":"{{y}}","d":"{{x}}"}""",
            RsaJwk(small),
        ];
        Assert.All(refused, jwk => Assert.Throws<FormatException>(() => Parse(jwk)));
    }

    private static TeePublicKey Parse(string jwk)
    {
        using JsonDocument document = JsonDocument.Parse(jwk);
        return TeePublicKey.Parse(document.RootElement);
    }

    private static byte[] Decrypt(FlattenedJwe jwe, object key) => JWE.Decrypt(JsonSerializer.Serialize(jwe, KbsJson.Default.FlattenedJwe), key).PlaintextBytes;

    private static string RsaJwk(RSA key)
    {
        RSAParameters parameters = key.ExportParameters(false);
        return $$"""{"kty":"RSA","alg":"RSA-OAEP-256","n":"{{B64(parameters.Modulus!)}}","e":"{{B64(parameters.Exponent!)}}"}""";
    }

    private static AsymmetricAlgorithm PrivateKey(JsonElement jwk)
    {
        byte[] Of(string name) => Base64Url.DecodeFromChars(jwk.GetProperty(name).GetString());
        if (jwk.GetProperty("kty").GetString() == "RSA")
        {
            return RSA.Create(new RSAParameters
            {
                Modulus = Of("n"), Exponent = Of("e"), D = Of("d"), P = Of("p"), Q = Of("q"), DP = Of("dp"), DQ = Of("dq"), InverseQ = Of("qi"),
            });
        }

        ECCurve curve = jwk.GetProperty("crv").GetString() == "P-256" ? ECCurve.NamedCurves.nistP256 : ECCurve.NamedCurves.nistP521;
        return ECDiffieHellman.Create(new ECParameters { Curve = curve, Q = new ECPoint { X = Of("x"), Y = Of("y") }, D = Of("d") });
    }

    private static string B64(byte[] bytes) => Base64Url.EncodeToString(bytes);
}
