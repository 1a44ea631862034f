using System.Security.Cryptography;
using System.Text;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Forms;

namespace Cloister.Attestation.Tests.Forms;

/// <summary>Tokens of attestation services: shown, and believed only under a key.</summary>
public sealed class AttestationTokenTests
{
    private const string Claims = """
        {"eat_profile":"tag:github.com,2024:confidential-containers/Trustee","iat":1760426134,"exp":1760426434,"iss":"a service",
         "submods":{"cpu0":{"ear.status":"contraindicated","ear.trustworthiness-vector":{"hardware":97,"executables":33,"configuration":2,"instance-identity":0}}}}
        """;

    private static readonly VerificationTime Between = VerificationTime.At(DateTimeOffset.FromUnixTimeSeconds(1760426200));

    [Fact]
    public void Claims_alone_are_shown_and_signed_by_nobody()
    {
        AttestationToken token = AttestationToken.Parse(MintedForms.Text(Claims));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.False(token.IsSignedBy(key));
        Assert.Null(token.Header);
        TokenSubmod cpu = Assert.Single(token.Submods);
        Assert.Equal(("cpu0", "contraindicated"), (cpu.Name, cpu.Status));
        Assert.Equal(["contraindicated", "warning", "affirming", "none"], cpu.Vector.Select(value => TokenSubmod.TierOf(value.Value)));
        Assert.True(token.IsInTime(Between));
        Assert.False(token.IsInTime(VerificationTime.At(token.ExpiresAt!.Value)));
    }

    [Theory]
    [InlineData("ES256")]
    [InlineData("ES384")]
    [InlineData("RS256")]
    [InlineData("PS384")]
    public void A_key_signs_by_its_own_algorithm_only(string algorithm)
    {
        using AsymmetricAlgorithm key = algorithm[0] == 'E' ? ECDsa.Create(algorithm == "ES256" ? ECCurve.NamedCurves.nistP256 : ECCurve.NamedCurves.nistP384) : RSA.Create(2048);
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string signed = Sign(algorithm, key);
        foreach (string form in (string[])[signed, $"{signed}\n", $"{{\"token\":\"{signed}\"}}"])
        {
            AttestationToken token = AttestationToken.Parse(MintedForms.Text(form));
            Assert.Equal("a service", token.Issuer);
            Assert.True(token.IsSignedBy(key));
            Assert.False(token.IsSignedBy(other));
        }

        string[] parts = signed.Split('.');
        Assert.False(AttestationToken.Parse(MintedForms.Text($"{Url(Encoding.UTF8.GetBytes("{\"alg\":\"none\"}"))}.{parts[1]}.")).IsSignedBy(key));
        Assert.False(AttestationToken.Parse(MintedForms.Text($"{Url(Encoding.UTF8.GetBytes("{\"alg\":\"HS256\"}"))}.{parts[1]}.{parts[2]}")).IsSignedBy(key));
        Assert.False(AttestationToken.Parse(MintedForms.Text($"{parts[0]}.{Url("{}"u8.ToArray())}.{parts[2]}")).IsSignedBy(key));
    }

    [Theory]
    [InlineData("", "unknown_form")]
    [InlineData("{}", "unknown_form")]
    [InlineData("{\"token\":\"nothing\"}", "unknown_form")]
    [InlineData("eyJhIjoxfQ.eyJhIjoxfQ.AAAA", "malformed")]
    [InlineData("ey.ey.ey", "malformed")]
    [InlineData("{\"submods\":[]}", "malformed")]
    [InlineData("{\"submods\":{\"cpu0\":{\"ear.trustworthiness-vector\":{\"hardware\":128}}}}", "malformed")]
    public void What_is_none_is_named(string text, string code) =>
        Assert.Equal(code, Assert.Throws<EvidenceFormatException>(() => AttestationToken.Parse(MintedForms.Text(text))).Code);

    [Fact]
    public void A_real_token_of_Trustee()
    {
        string file = Path.Combine(Evidence.EvidenceDirectory.Require(), "more", "trustee_attestation-service_docs_example.token.json");
        AttestationToken token = AttestationToken.Parse(File.ReadAllBytes(file));
        TokenSubmod cpu = Assert.Single(token.Submods);
        Assert.Equal("contraindicated", cpu.Status);
        Assert.Equal(8, cpu.Vector.Count);
    }

    internal static string Sign(string algorithm, AsymmetricAlgorithm key)
    {
        string text = $"{Url(Encoding.UTF8.GetBytes($"{{\"alg\":\"{algorithm}\"}}"))}.{Url(Encoding.UTF8.GetBytes(Claims))}";
        HashAlgorithmName hash = algorithm.EndsWith("256", StringComparison.Ordinal) ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA384;
        byte[] data = Encoding.ASCII.GetBytes(text);
        byte[] signature = key is ECDsa ecdsa ? ecdsa.SignData(data, hash) : ((RSA)key).SignData(data, hash, algorithm[0] == 'P' ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
        return $"{text}.{Url(signature)}";
    }

    private static string Url(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
}
