using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Cloister.KeyStores.Tests.Stores;

/// <summary>
/// The transit engine as far as the store uses it, written apart from the real one: encrypts with AES-GCM,
/// makes a missing key when asked to encrypt, answers 400 to a batch with an item that does not decrypt.
/// </summary>
internal sealed class VaultServer
{
    public const string Token = "hvs.token-of-the-tests";

    private readonly ConcurrentDictionary<string, byte[]> _keys = new();
    private readonly ConcurrentDictionary<string, bool> _deletable = new();

    public async Task AnswerAsync(HttpContext http)
    {
        using StreamReader reader = new(http.Request.Body);
        string body = await reader.ReadToEndAsync();
        (int status, JsonNode? answer) = http.Request.Headers["X-Vault-Token"] == Token
            ? Answer(http.Request.Method, http.Request.Path.Value!.Split('/')[2..], body.Length == 0 ? null : JsonNode.Parse(body))
            : (403, Errors("permission denied"));
        http.Response.StatusCode = status;
        if (answer is not null)
        {
            await http.Response.WriteAsync(answer.ToJsonString());
        }
    }

    private (int, JsonNode?) Answer(string method, string[] path, JsonNode? body)
    {
        switch (method, path)
        {
            case ("GET", ["auth", "token", "lookup-self"]):
                return (200, new JsonObject { ["data"] = new JsonObject() });
            case ("GET", ["transit", "keys", string name]):
                return _keys.ContainsKey(name) ? (200, new JsonObject { ["data"] = new JsonObject { ["name"] = name } }) : (404, Errors());
            case ("POST", ["transit", "keys", string name]):
                Assert.Equal("aes256-gcm96", (string?)body!["type"]);
                _keys.TryAdd(name, RandomNumberGenerator.GetBytes(32));
                return (204, null);
            case ("POST", ["transit", "keys", string name, "config"]):
                _deletable[name] = (bool)body!["deletion_allowed"]!;
                return (204, null);
            case ("DELETE", ["transit", "keys", string name]):
                return _deletable.ContainsKey(name) && _keys.TryRemove(name, out _) ? (204, null) : (400, Errors("deletion is not allowed for this key"));
            case ("POST", ["transit", "encrypt", string name]):
                byte[] key = _keys.GetOrAdd(name, _ => RandomNumberGenerator.GetBytes(32));
                return (200, Batch(body!, item => Encrypt(key, item)));
            case ("POST", ["transit", "decrypt", string name]):
                JsonNode? results = _keys.TryGetValue(name, out byte[]? present) ? Batch(body!, item => Decrypt(present, item)) : null;
                bool isBad = results?["data"]!["batch_results"]!.AsArray().Any(r => r!["error"] is not null) ?? true;
                return (isBad ? 400 : 200, results ?? Errors("encryption key not found"));
            default:
                return (404, Errors("no handler for route"));
        }
    }

    private static JsonObject Errors(params string[] errors) => new() { ["errors"] = new JsonArray([.. errors.Select(e => JsonValue.Create(e))]) };

    private static JsonObject Batch(JsonNode body, Func<JsonNode, JsonObject> answer) =>
        new() { ["data"] = new JsonObject { ["batch_results"] = new JsonArray([.. body["batch_input"]!.AsArray().Select(i => answer(i!))]) } };

    private static JsonObject Encrypt(byte[] key, JsonNode item)
    {
        byte[] plaintext = Convert.FromBase64String((string)item["plaintext"]!);
        byte[] message = new byte[12 + plaintext.Length + 16];
        RandomNumberGenerator.Fill(message.AsSpan(0, 12));
        using AesGcm gcm = new(key, 16);
        gcm.Encrypt(message.AsSpan(0, 12), plaintext, message.AsSpan(12, plaintext.Length), message.AsSpan(12 + plaintext.Length), Convert.FromBase64String((string)item["associated_data"]!));
        return new JsonObject { ["ciphertext"] = $"vault:v1:{Convert.ToBase64String(message)}", ["key_version"] = 1 };
    }

    private static JsonObject Decrypt(byte[] key, JsonNode item)
    {
        string[] parts = ((string)item["ciphertext"]!).Split(':');
        byte[] message = Convert.FromBase64String(parts[2]);
        if (parts[0] != "vault" || parts[1] != "v1" || message.Length < 28)
        {
            return new JsonObject { ["error"] = "invalid ciphertext" };
        }

        byte[] plaintext = new byte[message.Length - 28];
        using AesGcm gcm = new(key, 16);
        try
        {
            gcm.Decrypt(message.AsSpan(0, 12), message.AsSpan()[12..^16], message.AsSpan()[^16..], plaintext, Convert.FromBase64String((string)item["associated_data"]!));
            return new JsonObject { ["plaintext"] = Convert.ToBase64String(plaintext) };
        }
        catch (AuthenticationTagMismatchException)
        {
            return new JsonObject { ["error"] = "cipher: message authentication failed" };
        }
    }
}
