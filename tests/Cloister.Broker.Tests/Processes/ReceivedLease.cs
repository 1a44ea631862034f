using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
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
        JsonElement jwk = header.RootElement.GetProperty("jwk");
        using ECDsa key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = Bytes(jwk, "x"), Y = Bytes(jwk, "y") } });
        Assert.Equal(pin, $"sha256:{Convert.ToBase64String(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))}");
        Assert.True(key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256));
        LeaseTerms terms = JsonSerializer.Deserialize(Base64Url.DecodeFromChars(parts[1]), KbsJson.Default.LeaseTerms)!;
        Assert.Equal(enclave.Instance, terms.Instance);

        byte[] plaintext = response.Keys is null ? [] : Decrypt(response.Keys, enclave.Key);
        Assert.Equal(response.Keys is null ? "" : Base64Url.EncodeToString(SHA256.HashData(plaintext)), terms.KeysDigest);
        return new ReceivedLease(terms, Encoding.ASCII.GetString(Decrypt(response.Token, enclave.Key)), plaintext.Chunk(48).ToDictionary(entry => KeyId.Format(new KeyFingerprint(entry.AsSpan(0, 16))), entry => entry[16..]));
    }

    public static byte[] Decrypt(FlattenedJwe jwe, ECDiffieHellman key) => JWE.Decrypt(JsonSerializer.Serialize(jwe, KbsJson.Default.FlattenedJwe), key).PlaintextBytes;

    private static byte[] Bytes(JsonElement jwk, string member) => Base64Url.DecodeFromChars(jwk.GetProperty(member).GetString());
}
