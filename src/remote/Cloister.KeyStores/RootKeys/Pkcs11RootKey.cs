using System.Security.Cryptography;
using Cloister.KeyStores.Pkcs11;

namespace Cloister.KeyStores.RootKeys;

/// <summary>
/// A root key in a PKCS#11 token: AES-256, sensitive, not extractable. How it wraps is told at <see cref="TokenKey"/>.
/// secrets: KEKs pass through; the copies made for the token are wiped. The root key never leaves the token.
/// </summary>
public sealed class Pkcs11RootKey : IRootKey
{
    private readonly Pkcs11Token _token;
    private readonly string _label;

    private Pkcs11RootKey(Pkcs11Token token, string label)
    {
        _token = token;
        _label = label;
    }

    /// <summary>Finds the key by its label, or makes it when <paramref name="create"/> says so.</summary>
    /// <exception cref="KeyStoreException">
    /// Unavailable or denied; unknown: there is none, and it is not to be made; damaged: several have the label, or the key can leave the token.
    /// </exception>
    public static Pkcs11RootKey Open(Pkcs11TokenOptions options, string label, bool create)
    {
        Pkcs11Token token = new(options);
        try
        {
            token.Use(session => TokenKey.Find(session, label) ?? (create ? TokenKey.Create(session, label) : throw Unknown(label)));
            return new Pkcs11RootKey(token, label);
        }
        catch
        {
            token.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public byte[] Wrap(ReadOnlySpan<byte> kek, ReadOnlySpan<byte> aad)
    {
        byte[] plaintext = GC.AllocateUninitializedArray<byte>(kek.Length, pinned: true);
        byte[] bound = aad.ToArray();
        try
        {
            kek.CopyTo(plaintext);
            return _token.Use(session => (TokenKey.Find(session, _label) ?? throw Unknown(_label)).Encrypt(plaintext, bound));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <inheritdoc/>
    public void Unwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> aad, Span<byte> kek)
    {
        byte[] message = wrapped.ToArray();
        byte[] bound = aad.ToArray();
        byte[]? plaintext = _token.Use(session => (TokenKey.Find(session, _label) ?? throw Unknown(_label)).Decrypt(message, bound));
        try
        {
            if (plaintext is null || plaintext.Length != kek.Length)
            {
                throw RootKeyFailures.NotAuthentic(null);
            }

            plaintext.CopyTo(kek);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _token.Dispose();

    private static KeyStoreException Unknown(string label) => new(KeyStoreFailure.Unknown, $"the token has no key {label}");
}
