using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Kbs;
using AesKeyWrapManagement = Jose.AesKeyWrapManagement;

namespace Cloister.Release;

/// <summary>
/// A recovery share that only its keeper reads: JWE (RFC 7516), flattened JSON, ECDH-ES+A256KW and A256GCM, with the thumbprint of the keeper's key as
/// <c>kid</c>. Specification: docs/recovery-shares.md, "Sealed to its keeper". secrets: shares pass through; content keys and shared secrets are wiped.
/// </summary>
public static class SealedShare
{
    private const int MaxSize = 64 * 1024;
    private const int KeySize = 32;
    private const int IvSize = 12;
    private const int TagSize = 16;

    /// <summary>The agreement of the keeper's key with a point: the shared secret Z, which the caller wipes. Throws <see cref="CryptographicException"/>.</summary>
    /// <param name="point">A point that was checked, on the curve of the keeper's key.</param>
    public delegate byte[] Agreement(ECParameters point);

    /// <summary>Seals.</summary>
    /// <param name="share">A share as text.</param>
    /// <param name="keeper">Who reads it.</param>
    /// <returns>JSON in one line.</returns>
    public static string Seal(string share, KeeperKey keeper)
    {
        byte[] plaintext = Encoding.ASCII.GetBytes(share);
        try
        {
            FlattenedJwe jwe = KeyRelease.Encrypt(plaintext, keeper.Key);
            return new JsonObject
            {
                ["protected"] = jwe.Protected, ["header"] = new JsonObject { ["kid"] = keeper.Key.Thumbprint }, ["encrypted_key"] = jwe.EncryptedKey,
                ["iv"] = jwe.Iv, ["ciphertext"] = jwe.Ciphertext, ["tag"] = jwe.Tag,
            }.ToJsonString();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <summary>Opens with a key in memory.</summary>
    /// <exception cref="FormatException">It is no sealed share, or was sealed to another key.</exception>
    public static string Open(string text, ECDiffieHellman keeper) => Open(text, point =>
    {
        using ECDiffieHellman other = ECDiffieHellman.Create(point);
        using ECDiffieHellmanPublicKey publicKey = other.PublicKey;
        return other.KeySize == keeper.KeySize ? keeper.DeriveRawSecretAgreement(publicKey) : throw new CryptographicException("a key on another curve");
    });

    /// <summary>Opens.</summary>
    /// <param name="text">What <see cref="Seal"/> made.</param>
    /// <param name="agree">The keeper's key, wherever it is.</param>
    /// <exception cref="FormatException">It is no sealed share, or was sealed to another key.</exception>
    public static string Open(string text, Agreement agree)
    {
        if (text.Length > MaxSize)
        {
            throw NotSealed();
        }

        byte[] contentKey = [];
        byte[] plaintext = [];
        try
        {
            using JsonDocument jwe = JsonDocument.Parse(text);
            string encodedHeader = jwe.RootElement.GetProperty("protected").GetString() ?? throw NotSealed();
            contentKey = Unwrap(Part(jwe, "encrypted_key"), Base64Url.DecodeFromChars(encodedHeader), agree);
            byte[] ciphertext = Part(jwe, "ciphertext");
            plaintext = new byte[ciphertext.Length];
            using AesGcm gcm = new(contentKey, TagSize);
            gcm.Decrypt(Part(jwe, "iv", IvSize), ciphertext, Part(jwe, "tag", TagSize), plaintext, Encoding.ASCII.GetBytes(encodedHeader));
            return Encoding.ASCII.GetString(plaintext);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw NotSealed();
        }
        catch (CryptographicException)
        {
            throw new FormatException("the share does not open with this key: it was sealed to another keeper, or damaged");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(contentKey);
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <summary>The thumbprint of the key that it was sealed to; empty: it is no sealed share.</summary>
    public static string KeeperOf(string text)
    {
        try
        {
            return text.Length <= MaxSize && JsonNode.Parse(text)?["header"]?["kid"] is JsonValue kid && kid.TryGetValue(out string? keeper) ? keeper : "";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return "";
        }
    }

    private static byte[] Unwrap(byte[] encryptedKey, byte[] header, Agreement agree)
    {
        using JsonDocument fields = JsonDocument.Parse(header);
        if (fields.RootElement.GetProperty("alg").GetString() != TeePublicKey.EcdhAlgorithm || fields.RootElement.GetProperty("enc").GetString() != "A256GCM")
        {
            throw NotSealed();
        }

        // Read as a recipient's key is: a point off the curve is refused before it meets the keeper's key.
        JsonObject point = JsonNode.Parse(fields.RootElement.GetProperty("epk").GetRawText())!.AsObject();
        point["alg"] = TeePublicKey.EcdhAlgorithm;
        using JsonDocument ephemeral = JsonDocument.Parse(point.ToJsonString());
        byte[] secret = agree(TeePublicKey.Parse(ephemeral.RootElement).Ec ?? throw NotSealed());
        byte[] keyEncryptionKey = KeyRelease.KeyOf(secret);
        try
        {
            return new AesKeyWrapManagement(8 * KeySize).Unwrap(encryptedKey, keyEncryptionKey, 8 * KeySize, new Dictionary<string, object>());
        }
        catch (Exception e) when (e is Jose.JoseException or ArgumentException or IndexOutOfRangeException)
        {
            throw new CryptographicException("the key does not unwrap", e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
            CryptographicOperations.ZeroMemory(keyEncryptionKey);
        }
    }

    private static byte[] Part(JsonDocument jwe, string name, int size = 0)
    {
        byte[] part = Base64Url.DecodeFromChars(jwe.RootElement.GetProperty(name).GetString());
        return part.Length > 0 && (size == 0 || part.Length == size) ? part : throw NotSealed();
    }

    private static FormatException NotSealed() => new("this is no share that was sealed to a keeper");
}
