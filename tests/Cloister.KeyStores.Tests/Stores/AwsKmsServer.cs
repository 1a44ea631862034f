using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Cloister.KeyStores.Tests.Stores;

/// <summary>AWS KMS, as far as the store uses it; written apart from the service: JSON 1.1, aliases, ciphertexts that name their key and are bound to a context.</summary>
internal sealed class AwsKmsServer
{
    private readonly ConcurrentDictionary<string, byte[]> _keys = new();
    private readonly ConcurrentDictionary<string, string> _aliases = new();

    public async Task AnswerAsync(HttpContext http)
    {
        using StreamReader reader = new(http.Request.Body);
        JsonNode request = JsonNode.Parse(await reader.ReadToEndAsync())!;
        string target = http.Request.Headers["X-Amz-Target"].ToString();
        JsonObject answer = http.Request.Headers.Authorization.ToString().Contains("Credential=tests/", StringComparison.Ordinal)
            ? Answer(target.Replace("TrentService.", "", StringComparison.Ordinal), request)
            : Error("AccessDeniedException");
        http.Response.StatusCode = answer.ContainsKey("__type") ? 400 : 200;
        http.Response.ContentType = "application/x-amz-json-1.1";
        await http.Response.WriteAsync(answer.ToJsonString());
    }

    private static JsonObject Error(string type) => new() { ["__type"] = type, ["message"] = "refused" };

    private static byte[] Aad(JsonNode request) =>
        Encoding.UTF8.GetBytes(string.Join('\n', request["EncryptionContext"]!.AsObject().OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}={p.Value}")));

    private JsonObject Answer(string operation, JsonNode request)
    {
        string name = (string?)request["KeyId"] ?? "";
        string id = _aliases.GetValueOrDefault(name, name);
        bool isKnown = _keys.TryGetValue(id, out byte[]? key);
        switch (operation)
        {
            case "ListAliases":
                return new JsonObject { ["Aliases"] = new JsonArray(), ["Truncated"] = false };
            case "CreateKey":
                string made = Guid.NewGuid().ToString();
                _keys[made] = RandomNumberGenerator.GetBytes(32);
                return new JsonObject { ["KeyMetadata"] = new JsonObject { ["KeyId"] = made, ["KeyState"] = "Enabled" } };
            case "CreateAlias":
                return _aliases.TryAdd((string)request["AliasName"]!, (string)request["TargetKeyId"]!) ? [] : Error("AlreadyExistsException");
            case "DeleteAlias":
                return _aliases.TryRemove((string)request["AliasName"]!, out _) ? [] : Error("NotFoundException");
            case "DescribeKey" when isKnown:
                return new JsonObject { ["KeyMetadata"] = new JsonObject { ["KeyId"] = id, ["KeyState"] = "Enabled" } };
            case "ScheduleKeyDeletion" when isKnown:
                Assert.InRange((int)request["PendingWindowInDays"]!, 7, 30);
                _keys.TryRemove(id, out _);
                return new JsonObject { ["KeyId"] = id, ["KeyState"] = "PendingDeletion" };
            case "Encrypt" when isKnown:
                return new JsonObject { ["KeyId"] = id, ["CiphertextBlob"] = Convert.ToBase64String(Encrypt(id, key!, Convert.FromBase64String((string)request["Plaintext"]!), Aad(request))) };
            case "Decrypt" when isKnown:
                return Decrypt(id, key!, Convert.FromBase64String((string)request["CiphertextBlob"]!), Aad(request));
            default:
                return Error("NotFoundException");
        }
    }

    private static byte[] Encrypt(string id, byte[] key, byte[] plaintext, byte[] aad)
    {
        byte[] iv = RandomNumberGenerator.GetBytes(12);
        byte[] ciphertext = new byte[plaintext.Length];
        byte[] tag = new byte[16];
        using AesGcm gcm = new(key, 16);
        gcm.Encrypt(iv, plaintext, ciphertext, tag, aad);
        return [.. Encoding.ASCII.GetBytes(id), .. iv, .. ciphertext, .. tag];
    }

    private JsonObject Decrypt(string id, byte[] key, byte[] blob, byte[] aad)
    {
        string named = Encoding.ASCII.GetString(blob.AsSpan(0, Math.Min(36, blob.Length)));
        if (blob.Length < 64 || !_keys.ContainsKey(named))
        {
            return Error("InvalidCiphertextException");
        }

        if (named != id)
        {
            return Error("IncorrectKeyException");
        }

        byte[] plaintext = new byte[blob.Length - 64];
        using AesGcm gcm = new(key, 16);
        try
        {
            gcm.Decrypt(blob.AsSpan(36, 12), blob.AsSpan()[48..^16], blob.AsSpan()[^16..], plaintext, aad);
            return new JsonObject { ["KeyId"] = id, ["Plaintext"] = Convert.ToBase64String(plaintext) };
        }
        catch (AuthenticationTagMismatchException)
        {
            return Error("InvalidCiphertextException");
        }
    }
}
