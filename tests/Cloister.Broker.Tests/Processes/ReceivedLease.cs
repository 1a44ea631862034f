using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Cloister.Attestation.Certificates;
using Cloister.Contracts.Keys;
using Cloister.Kbs;
using JWE = Jose.JWE;

namespace Cloister.Broker.Tests.Processes;

/// <summary>A lease as an enclave reads it: signature by the pinned authority, digest of the keys, keys by key_id.</summary>
internal sealed class ReceivedLease
{
    private ReceivedLease(LeaseTerms terms, string token, Dictionary<string, byte[]> keys) => (Terms, Token, Keys) = (terms, token, keys);

    public LeaseTerms Terms { get; }

    public string Token { get; }

    public Dictionary<string, byte[]> Keys { get; }

    public static ReceivedLease Read(KbsAnswer answer, SimulatedEnclave enclave, string pin)
    {
        LeaseResponse response = answer.Ok(KbsJson.Default.LeaseResponse);
        string[] parts = response.Lease.Split('.');
        using JsonDocument header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0]));
        Assert.Equal("cloister-lease+jwt", header.RootElement.GetProperty("typ").GetString());
        X509Certificate2[] chain = [.. header.RootElement.GetProperty("x5c").EnumerateArray().Select(one => X509CertificateLoader.LoadCertificate(one.GetBytesFromBase64()))];
        Assert.True(CertificateRole.Has(chain[0], CertificateRole.LeaseSigner));
        IReadOnlyList<byte[]> vouchers = CertificateRole.Vouchers(chain[0], chain, (one, issuer) => Certificate.Parse(one.RawData).IsSignedBy(Certificate.Parse(issuer.RawData)));
        Assert.Contains(pin, vouchers.Select(one => $"sha256:{Convert.ToBase64String(SHA256.HashData(one))}"));
        using ECDsa key = chain[0].GetECDsaPublicKey()!;
        Assert.True(key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256));
        LeaseTerms terms = JsonSerializer.Deserialize(Base64Url.DecodeFromChars(parts[1]), KbsJson.Default.LeaseTerms)!;
        Assert.Equal(enclave.Instance, terms.Instance);

        byte[] plaintext = response.Keys is null ? [] : Decrypt(response.Keys, enclave.Key);
        Assert.Equal(response.Keys is null ? "" : Base64Url.EncodeToString(SHA256.HashData(plaintext)), terms.KeysDigest);
        return new ReceivedLease(terms, Encoding.ASCII.GetString(Decrypt(response.Token, enclave.Key)), plaintext.Chunk(48).ToDictionary(entry => KeyId.Format(new KeyFingerprint(entry.AsSpan(0, 16))), entry => entry[16..]));
    }

    public static byte[] Decrypt(FlattenedJwe jwe, ECDiffieHellman key) => JWE.Decrypt(JsonSerializer.Serialize(jwe, KbsJson.Default.FlattenedJwe), key).PlaintextBytes;
}
