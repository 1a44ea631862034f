using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Cloister.Kbs;

namespace Cloister.Release;

/// <summary>
/// Encrypts secrets to an attested key: JWE (RFC 7516), flattened JSON, A256GCM. The protected header is written here and not by a library:
/// guest-components serialise it again as <c>{"alg","enc","epk":{"crv","kty","x","y"}}</c> for the AAD, so it must be exactly that.
/// secrets: the plaintext passes through; content keys and shared secrets are wiped.
/// </summary>
public static class KeyRelease
{
    private const int KeySize = 32;
    private const int IvSize = 12;
    private const int TagSize = 16;

    /// <summary>Encrypts <paramref name="plaintext"/> so that only the holder of <paramref name="recipient"/> reads it.</summary>
    public static FlattenedJwe Encrypt(ReadOnlySpan<byte> plaintext, TeePublicKey recipient)
    {
        byte[] contentKey = RandomNumberGenerator.GetBytes(KeySize);
        try
        {
            (string header, byte[] encryptedKey) = recipient.Agreement is { } agreement ? WrapWithEcdh(contentKey, agreement, recipient.Curve) : WrapWithRsa(contentKey, recipient.Rsa!.Value);
            string encodedHeader = Base64Url.EncodeToString(Encoding.ASCII.GetBytes(header));
            byte[] iv = RandomNumberGenerator.GetBytes(IvSize);
            byte[] ciphertext = new byte[plaintext.Length];
            byte[] tag = new byte[TagSize];
            using AesGcm gcm = new(contentKey, TagSize);
            gcm.Encrypt(iv, plaintext, ciphertext, tag, Encoding.ASCII.GetBytes(encodedHeader));
            return new FlattenedJwe(encodedHeader, Encode(encryptedKey), Encode(iv), Encode(ciphertext), Encode(tag));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(contentKey);
        }
    }

    private static (string Header, byte[] EncryptedKey) WrapWithRsa(byte[] contentKey, RSAParameters recipient)
    {
        using RSA rsa = RSA.Create(recipient);
        return ($$"""{"alg":"{{TeePublicKey.RsaAlgorithm}}","enc":"A256GCM"}""", rsa.Encrypt(contentKey, RSAEncryptionPadding.OaepSHA256));
    }

    private static (string Header, byte[] EncryptedKey) WrapWithEcdh(byte[] contentKey, ECDiffieHellman recipient, string curve)
    {
        using ECDiffieHellman ephemeral = ECDiffieHellman.Create(TeePublicKey.CurveOf(curve));
        ECPoint point = ephemeral.ExportParameters(includePrivateParameters: false).Q;
        string header =
            $$$"""{"alg":"{{{TeePublicKey.EcdhAlgorithm}}}","enc":"A256GCM","epk":{"crv":"{{{curve}}}","kty":"EC","x":"{{{Encode(point.X!)}}}","y":"{{{Encode(point.Y!)}}}"}}""";

        using ECDiffieHellmanPublicKey publicKey = recipient.PublicKey;
        byte[] secret = ephemeral.DeriveRawSecretAgreement(publicKey);
        byte[] keyEncryptionKey = KeyOf(secret);
        try
        {
            return (header, AesKeyWrap.Wrap(keyEncryptionKey, contentKey));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
            CryptographicOperations.ZeroMemory(keyEncryptionKey);
        }
    }

    /// <summary>Concat KDF (RFC 7518, 4.6.2) of a shared secret Z: for 256 bits one round of SHA-256 over counter | Z | OtherInfo.</summary>
    internal static byte[] KeyOf(ReadOnlySpan<byte> secret)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData([0, 0, 0, 1]);
        hash.AppendData(secret);
        hash.AppendData(OtherInfo());
        return hash.GetHashAndReset();
    }

    /// <summary>AlgorithmID, empty PartyUInfo and PartyVInfo, SuppPubInfo of 256 bits.</summary>
    private static byte[] OtherInfo()
    {
        byte[] algorithm = Encoding.ASCII.GetBytes(TeePublicKey.EcdhAlgorithm);
        return [0, 0, 0, (byte)algorithm.Length, .. algorithm, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    }

    private static string Encode(byte[] bytes) => Base64Url.EncodeToString(bytes);
}
