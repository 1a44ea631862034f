using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Cloister.Broker.Tokens;

/// <summary>A key that signs statements of one kind: ECDSA P-256, SHA-256. Thread-safe. secrets: its private key.</summary>
public sealed class SigningKey : IDisposable
{
    private readonly ECDsa _key;
    private readonly Lock _lock = new();

    /// <summary>Takes the key over.</summary>
    /// <exception cref="ArgumentException">Not a P-256 key.</exception>
    public SigningKey(ECDsa key)
    {
        ECParameters parameters = key.ExportParameters(includePrivateParameters: false);
        if (key.KeySize != 256 || parameters.Curve.Oid.Value != ECCurve.NamedCurves.nistP256.Oid.Value)
        {
            throw new ArgumentException("a broker's key is on P-256", nameof(key));
        }

        _key = key;
        PublicKey = key.ExportSubjectPublicKeyInfo();
        string x = Base64Url.EncodeToString(parameters.Q.X);
        string y = Base64Url.EncodeToString(parameters.Q.Y);
        Jwk = $$"""{"kty":"EC","crv":"P-256","x":"{{x}}","y":"{{y}}"}""";
        KeyId = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes($$"""{"crv":"P-256","kty":"EC","x":"{{x}}","y":"{{y}}"}""")));
    }

    /// <summary>The public key, SubjectPublicKeyInfo.</summary>
    public byte[] PublicKey { get; }

    /// <summary>The public key, compact JSON.</summary>
    public string Jwk { get; }

    /// <summary>RFC 7638 thumbprint of the key.</summary>
    public string KeyId { get; }

    /// <summary>First 16 bytes of SHA-256 of the public key, hex.</summary>
    public string Name => Convert.ToHexStringLower(SHA256.HashData(PublicKey).AsSpan(0, 16));

    /// <summary>Uses the key alone.</summary>
    internal T Use<T>(Func<ECDsa, T> use)
    {
        lock (_lock)
        {
            return use(_key);
        }
    }

    /// <summary>Signs: r and s, 64 bytes.</summary>
    public byte[] Sign(ReadOnlySpan<byte> message)
    {
        lock (_lock)
        {
            return _key.SignData(message, HashAlgorithmName.SHA256);
        }
    }

    /// <summary>True when this key signed the message.</summary>
    public bool Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        lock (_lock)
        {
            return _key.VerifyData(message, signature, HashAlgorithmName.SHA256);
        }
    }

    /// <summary>Writes the private scalar, big-endian. secrets: the caller wipes it.</summary>
    /// <param name="scalar">32 bytes.</param>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    /// <exception cref="CryptographicException">The key is in a token that does not give it.</exception>
    public void Export(Span<byte> scalar)
    {
        byte[] exported = Use(key => key.ExportParameters(includePrivateParameters: true).D!);
        if (scalar.Length != exported.Length)
        {
            throw new ArgumentException("the key has 32 bytes", nameof(scalar));
        }

        exported.CopyTo(scalar);
        CryptographicOperations.ZeroMemory(exported);
    }

    /// <inheritdoc />
    public void Dispose() => _key.Dispose();
}
