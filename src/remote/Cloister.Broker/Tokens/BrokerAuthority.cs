using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Cloister.Broker.Tokens;

/// <summary>
/// The key that all brokers of a database share: ECDSA P-256. It signs tokens, leases and brokers' TLS certificates. Source: docs/broker-protocol.md, "Who the broker is".
/// Thread-safe. secrets: the authority's private key.
/// </summary>
public sealed class BrokerAuthority : IDisposable
{
    /// <summary>Bytes of the private scalar.</summary>
    public const int KeySize = 32;

    private const int MaxTokenLength = 64 * 1024;

    private readonly ECDsa _key;
    private readonly Lock _lock = new();

    /// <summary>An authority of this key, which is taken over.</summary>
    /// <exception cref="ArgumentException">Not a P-256 key.</exception>
    public BrokerAuthority(ECDsa key)
    {
        ECParameters parameters = key.ExportParameters(includePrivateParameters: false);
        if (key.KeySize != 256 || parameters.Curve.Oid.Value != ECCurve.NamedCurves.nistP256.Oid.Value)
        {
            throw new ArgumentException("the authority's key is on P-256", nameof(key));
        }

        _key = key;
        PublicKey = key.ExportSubjectPublicKeyInfo();
        byte[] digest = SHA256.HashData(PublicKey);
        Id = Convert.ToHexStringLower(digest.AsSpan(0, 16));
        Pin = "sha256:" + Convert.ToBase64String(digest);
        Gateways = new GatewayAuthority(key, Id);
        string x = Base64Url.EncodeToString(parameters.Q.X);
        string y = Base64Url.EncodeToString(parameters.Q.Y);
        Jwk = $$"""{"kty":"EC","crv":"P-256","x":"{{x}}","y":"{{y}}"}""";
        KeyId = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes($$"""{"crv":"P-256","kty":"EC","x":"{{x}}","y":"{{y}}"}""")));
    }

    /// <summary>The authority, 32 hex digits; part of every KEK's identity.</summary>
    public string Id { get; }

    /// <summary>What enclaves pin.</summary>
    public string Pin { get; }

    /// <summary>The public key, SubjectPublicKeyInfo.</summary>
    public byte[] PublicKey { get; }

    /// <summary>The public key, compact JSON.</summary>
    public string Jwk { get; }

    /// <summary>RFC 7638 thumbprint of the key.</summary>
    public string KeyId { get; }

    /// <summary>Issues gateways' certificates, with a key derived from this authority's.</summary>
    public GatewayAuthority Gateways { get; }

    /// <summary>A compact JWS with header <c>{"alg":"ES256","typ","jwk"}</c>, and <c>kid</c> when asked for.</summary>
    /// <param name="type"><c>typ</c>, which tells one kind of statement from another.</param>
    /// <param name="payload">JSON.</param>
    /// <param name="withKeyId">Whether the header has <c>kid</c>: tokens do, leases do not (docs/broker-protocol.md).</param>
    public string Sign(string type, ReadOnlySpan<byte> payload, bool withKeyId)
    {
        string keyId = withKeyId ? $",\"kid\":\"{KeyId}\"" : "";
        string header = $$"""{"alg":"ES256","typ":"{{type}}","jwk":{{Jwk}}{{keyId}}}""";
        string content = $"{Base64Url.EncodeToString(Encoding.ASCII.GetBytes(header))}.{Base64Url.EncodeToString(payload)}";
        lock (_lock)
        {
            return $"{content}.{Base64Url.EncodeToString(_key.SignData(Encoding.ASCII.GetBytes(content), HashAlgorithmName.SHA256))}";
        }
    }

    /// <summary>The payload of what this authority signed as <paramref name="type"/>; null for anything else. The key in the header is not looked at.</summary>
    public byte[]? Verify(string type, string jws)
    {
        string[] parts = jws.Length <= MaxTokenLength ? jws.Split('.') : [];
        if (parts.Length != 3 || parts.Any(part => !Base64Url.IsValid(part)))
        {
            return null;
        }

        byte[] content = Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}");
        byte[] signature = Base64Url.DecodeFromChars(parts[2]);
        lock (_lock)
        {
            if (!_key.VerifyData(content, signature, HashAlgorithmName.SHA256))
            {
                return null;
            }
        }

        // Signed by us, so its header is one of ours; the type is still to be compared.
        using JsonDocument header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0]));
        return header.RootElement.GetProperty("typ").GetString() == type ? Base64Url.DecodeFromChars(parts[1]) : null;
    }

    /// <summary>
    /// Vouches for the key of the audit log's checkpoints: ECDSA with SHA-256, r and s, 64 bytes. The message begins with a label of its own, which no JWS
    /// does, so that neither passes for the other.
    /// </summary>
    /// <param name="message">As docs/audit-log.md says.</param>
    public byte[] SignCheckpointKey(ReadOnlySpan<byte> message)
    {
        lock (_lock)
        {
            return _key.SignData(message, HashAlgorithmName.SHA256);
        }
    }

    /// <summary>A TLS identity of a new key that this authority vouches for in one role, from now on for 90 days.</summary>
    /// <param name="role">What it may be used as, of <see cref="Kbs.CertificateRole"/>.</param>
    /// <param name="now">The time.</param>
    public TlsIdentity IssueTlsIdentity(string role, DateTimeOffset now)
    {
        lock (_lock)
        {
            return new TlsIdentity(_key, Id, role, now);
        }
    }

    /// <summary>Writes the private scalar, big-endian. secrets: it is the authority; the caller wipes it.</summary>
    /// <param name="scalar">32 bytes.</param>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public void ExportKey(Span<byte> scalar)
    {
        if (scalar.Length != KeySize)
        {
            throw new ArgumentException($"the key has {KeySize} bytes", nameof(scalar));
        }

        byte[] exported;
        lock (_lock)
        {
            exported = _key.ExportParameters(includePrivateParameters: true).D!;
        }

        exported.CopyTo(scalar);
        CryptographicOperations.ZeroMemory(exported);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Gateways.Dispose();
        _key.Dispose();
    }
}
