using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace Cloister.Release;

/// <summary>The public key of somebody who keeps recovery shares: EC P-256 or P-521, so that a token can hold the private one. secrets: none.</summary>
public sealed class KeeperKey
{
    private const int MaxLength = 1024;

    private KeeperKey(TeePublicKey key)
    {
        Key = key;
        Pin = "sha256:" + Convert.ToBase64String(SHA256.HashData(key.SubjectPublicKeyInfo));
    }

    /// <summary><c>sha256:</c> and base64 of SHA-256 of the SubjectPublicKeyInfo: what people compare.</summary>
    public string Pin { get; }

    internal TeePublicKey Key { get; }

    /// <summary>RFC 7638 thumbprint: by which a sealed share names its keeper.</summary>
    public string Thumbprint => Key.Thumbprint;

    /// <summary>Reads <c>-----BEGIN PUBLIC KEY-----</c>.</summary>
    /// <exception cref="FormatException">It is no such key.</exception>
    public static KeeperKey Parse(string pem)
    {
        try
        {
            PemFields fields = pem.Length <= MaxLength ? PemEncoding.Find(pem) : throw NoKey();
            using ECDiffieHellman key = ECDiffieHellman.Create();
            key.ImportSubjectPublicKeyInfo(pem.AsSpan()[fields.Label] is "PUBLIC KEY" ? Convert.FromBase64String(pem[fields.Base64Data]) : throw NoKey(), out _);
            return Of(key.ExportParameters(includePrivateParameters: false));
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            throw NoKey();
        }
    }

    private static KeeperKey Of(ECParameters key)
    {
        string curve = key.Q.X!.Length switch { 32 => "P-256", 66 => "P-521", _ => throw NoKey() };
        string jwk = $$"""{"kty":"EC","crv":"{{curve}}","alg":"{{TeePublicKey.EcdhAlgorithm}}","x":"{{Base64Url.EncodeToString(key.Q.X)}}","y":"{{Base64Url.EncodeToString(key.Q.Y)}}"}""";
        using JsonDocument document = JsonDocument.Parse(jwk);
        return new KeeperKey(TeePublicKey.Parse(document.RootElement));
    }

    private static FormatException NoKey() => new("a keeper's key is a public key on P-256 or P-521 in PEM (BEGIN PUBLIC KEY); 'cloister kek keeper-key' makes one");
}
