using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Cloister.Recovery;

namespace Cloister.Broker.Tokens;

/// <summary>
/// Who all brokers of a database are. Its keys can be replaced while it is used; what it is called stays. Source: docs/broker-protocol.md,
/// "Who the broker is". Thread-safe. secrets: the authority's private keys.
/// </summary>
public sealed class BrokerAuthority : IShareAuthority, IDisposable
{
    /// <summary>Bytes of the private scalar.</summary>
    public const int KeySize = 32;

    private const int MaxTokenLength = 64 * 1024;

    private readonly Lock _lock = new();
    private readonly List<AuthorityKeySet> _all = []; // what is replaced may be in use
    private volatile AuthorityKeySet _keys;

    /// <summary>An authority of this key, which is taken over, and of new keys for all else.</summary>
    /// <exception cref="ArgumentException">Not a P-256 key.</exception>
    public BrokerAuthority(ECDsa key)
        : this(AuthorityKeySet.Of(key, DateTimeOffset.UtcNow))
    {
    }

    /// <summary>An authority of these keys, which are taken over.</summary>
    public BrokerAuthority(AuthorityKeySet keys)
    {
        _keys = keys;
        _all.Add(keys);
        Id = keys.Id;
    }

    /// <summary>The authority, 32 hex digits; part of every KEK's identity. It stays when its keys rotate.</summary>
    public string Id { get; }

    /// <summary>What enclaves pin.</summary>
    public string Pin => "sha256:" + Convert.ToBase64String(SHA256.HashData(_keys.Authority.PublicKey));

    /// <summary>The public key, SubjectPublicKeyInfo.</summary>
    public byte[] PublicKey => _keys.Authority.PublicKey;

    /// <summary>The keys of now.</summary>
    public AuthorityKeySet Keys => _keys;

    /// <summary>Issues gateways' certificates.</summary>
    public GatewayAuthority Gateways => _keys.Gateways;

    /// <summary>Takes other keys of the same authority.</summary>
    /// <exception cref="ArgumentException">They are another authority's.</exception>
    public void Replace(AuthorityKeySet keys)
    {
        if (keys.Id != Id)
        {
            throw new ArgumentException("the keys are another authority's", nameof(keys));
        }

        lock (_lock)
        {
            _all.Add(keys);
            _keys = keys;
        }
    }

    /// <summary>A token: a compact JWS with header <c>{"alg":"ES256","typ","jwk","kid"}</c>.</summary>
    /// <param name="type"><c>typ</c>, which tells one kind of statement from another.</param>
    /// <param name="payload">JSON.</param>
    public string SignToken(string type, ReadOnlySpan<byte> payload)
    {
        SigningKey key = _keys.Tokens[0];
        return Sign(key, $$"""{"alg":"ES256","typ":"{{type}}","jwk":{{key.Jwk}},"kid":"{{key.KeyId}}"}""", payload);
    }

    /// <summary>A lease: a compact JWS with header <c>{"alg":"ES256","typ","x5c"}</c>, by the key of leases, with its certificates.</summary>
    /// <param name="type"><c>typ</c>.</param>
    /// <param name="payload">JSON.</param>
    public string SignLease(string type, ReadOnlySpan<byte> payload)
    {
        AuthorityKeySet keys = _keys;
        string chain = string.Join(',', keys.LeaseCertificates.Select(one => $"\"{Convert.ToBase64String(one)}\""));
        return Sign(keys.Leases, $$"""{"alg":"ES256","typ":"{{type}}","x5c":[{{chain}}]}""", payload);
    }

    /// <summary>The payload of what this authority signed as a token of this <paramref name="type"/>; null for anything else. The key in the header is not looked at.</summary>
    public byte[]? Verify(string type, string jws)
    {
        string[] parts = jws.Length <= MaxTokenLength ? jws.Split('.') : [];
        if (parts.Length != 3 || parts.Any(part => !Base64Url.IsValid(part)))
        {
            return null;
        }

        byte[] content = Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}");
        byte[] signature = Base64Url.DecodeFromChars(parts[2]);
        if (!_keys.Tokens.Any(key => key.Verify(content, signature)))
        {
            return null;
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
    public byte[] SignCheckpointKey(ReadOnlySpan<byte> message) => _keys.Authority.Sign(message);

    /// <inheritdoc />
    public byte[] SignShare(ReadOnlySpan<byte> message) => _keys.Authority.Sign(message);

    // Also by a key that was rotated out: its shares restore what they restored.
    /// <inheritdoc />
    public bool VerifyShare(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        foreach (byte[] one in _keys.Certificates)
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(one);
            using ECDsa? key = certificate.GetECDsaPublicKey();
            if (key?.VerifyData(message, signature, HashAlgorithmName.SHA256) == true)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A TLS identity of a new key that this authority vouches for in one role, from now on for 90 days.</summary>
    /// <param name="role">What it may be used as, of <see cref="Kbs.CertificateRole"/>.</param>
    /// <param name="now">The time.</param>
    public TlsIdentity IssueTlsIdentity(string role, DateTimeOffset now) => new(_keys, role, now);

    /// <summary>Writes the private scalar, big-endian. secrets: it is the authority; the caller wipes it.</summary>
    /// <param name="scalar">32 bytes.</param>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    /// <exception cref="CryptographicException">The key is in a token that does not give it.</exception>
    public void ExportKey(Span<byte> scalar) => _keys.Authority.Export(scalar);

    /// <inheritdoc />
    public void Dispose()
    {
        lock (_lock)
        {
            _all.ForEach(keys => keys.Dispose());
        }
    }

    private static string Sign(SigningKey key, string header, ReadOnlySpan<byte> payload)
    {
        string content = $"{Base64Url.EncodeToString(Encoding.ASCII.GetBytes(header))}.{Base64Url.EncodeToString(payload)}";
        return $"{content}.{Base64Url.EncodeToString(key.Sign(Encoding.ASCII.GetBytes(content)))}";
    }
}
