using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>
/// The key pair of one life of the enclave, which evidence vouches for: brokers encrypt KEKs to it. P-256, ECDH-ES+A256KW with A256GCM
/// (RFC 7516, RFC 7518). secrets: the private key, in libcrypto's heap, until disposed; plaintexts pass through.
/// </summary>
public sealed class AttestedKey : IDisposable
{
    private const string Algorithm = "ECDH-ES+A256KW";
    private const string Encryption = "A256GCM";
    private const int KeySize = 32;
    private const int WrappedKeySize = 40;
    private const int IvSize = 12;
    private const int TagSize = 16;

    private readonly ECDiffieHellman _key;

    /// <summary>Makes a key pair.</summary>
    public AttestedKey()
        : this(Fresh())
    {
    }

    internal AttestedKey(ECDiffieHellman key)
    {
        _key = key;
        ECPoint point = key.ExportParameters(includePrivateParameters: false).Q;
        Jwk = EcKeyText.Write(point, Algorithm);
        SubjectPublicKeyInfo = key.ExportSubjectPublicKeyInfo();
        Thumbprint = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(EcKeyText.Write(point, null))));
    }

    /// <summary>The public key, canonical JSON.</summary>
    public string Jwk { get; }

    /// <summary>The public key, DER.</summary>
    public ReadOnlyMemory<byte> SubjectPublicKeyInfo { get; }

    /// <summary>The instance: SHA-256 thumbprint of RFC 7638, b64u.</summary>
    public string Thumbprint { get; }

    /// <summary>Opens a JWE.</summary>
    /// <returns>The plaintext in pinned memory, which the caller wipes.</returns>
    /// <exception cref="BrokerException">Refused, always the same, whatever is wrong with it.</exception>
    public byte[] Open(FlattenedJwe jwe)
    {
        try
        {
            byte[] wrapped = Base64Url.DecodeFromChars(jwe.EncryptedKey);
            byte[] iv = Base64Url.DecodeFromChars(jwe.Iv);
            byte[] ciphertext = Base64Url.DecodeFromChars(jwe.Ciphertext);
            byte[] tag = Base64Url.DecodeFromChars(jwe.Tag);
            if (wrapped.Length == WrappedKeySize && iv.Length == IvSize && tag.Length == TagSize)
            {
                using ECDiffieHellman ephemeral = ECDiffieHellman.Create(EphemeralKey(jwe.Protected));
                return Open(ephemeral, wrapped, iv, ciphertext, tag, Encoding.ASCII.GetBytes(jwe.Protected));
            }
        }
        catch (Exception e) when (e is FormatException or JsonException or CryptographicException or InvalidOperationException or ArgumentException)
        {
            // Fails below like everything else: what is wrong is nobody's business.
        }

        throw NotOpened();
    }

    /// <summary>Wipes the private key.</summary>
    public void Dispose() => _key.Dispose();

    private static ECDiffieHellman Fresh()
    {
        KernelRandom.ReseedOpenSsl();
        return ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
    }

    private static BrokerException NotOpened() => new(BrokerFailure.Refused, "keys", "what the broker encrypted to this enclave does not open");

    private static ECParameters EphemeralKey(string header)
    {
        using JsonDocument json = JsonDocument.Parse(Base64Url.DecodeFromChars(header), new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 4 });
        JsonElement root = json.RootElement;
        return EcKeyText.Text(root, "alg") == Algorithm
            && EcKeyText.Text(root, "enc") == Encryption
            && root.GetPropertyCount() == 3
            && root.TryGetProperty("epk", out JsonElement key)
            && key.GetPropertyCount() == 4
                ? EcKeyText.Read(key)
                : throw new FormatException();
    }

    private byte[] Open(ECDiffieHellman ephemeral, byte[] wrapped, byte[] iv, byte[] ciphertext, byte[] tag, byte[] aad)
    {
        Span<byte> wrappingKey = stackalloc byte[KeySize];
        Span<byte> contentKey = stackalloc byte[KeySize];
        byte[] plaintext = GC.AllocateArray<byte>(ciphertext.Length, pinned: true);
        try
        {
            using ECDiffieHellmanPublicKey other = ephemeral.PublicKey;
            DeriveWrappingKey(other, wrappingKey);
            if (!AesKeyUnwrap.TryUnwrap(wrappingKey, wrapped, contentKey))
            {
                throw NotOpened();
            }

            using AesGcm cipher = new(contentKey, TagSize);
            cipher.Decrypt(iv, ciphertext, tag, plaintext, aad);
            return plaintext;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(wrappingKey);
            CryptographicOperations.ZeroMemory(contentKey);
        }
    }

    // Concat KDF of RFC 7518, 4.6.2: one round of SHA-256, empty PartyUInfo and PartyVInfo.
    private void DeriveWrappingKey(ECDiffieHellmanPublicKey other, Span<byte> destination)
    {
        byte[] shared = _key.DeriveRawSecretAgreement(other);
        try
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            AppendNumber(hash, 1);
            hash.AppendData(shared);
            AppendNumber(hash, Algorithm.Length);
            hash.AppendData(Encoding.ASCII.GetBytes(Algorithm));
            AppendNumber(hash, 0);
            AppendNumber(hash, 0);
            AppendNumber(hash, KeySize * 8);
            hash.GetHashAndReset(destination);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(shared);
        }
    }

    private static void AppendNumber(IncrementalHash hash, int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        hash.AppendData(bytes);
    }
}
