using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Cloister.WebConsole.Tests.SignOn;

/// <summary>ID tokens that are not a provider's for one console and one request of it.</summary>
internal static class ForgedTokens
{
    private static readonly JsonWebTokenHandler Tokens = new() { SetDefaultTimesOnTokenCreation = false };

    /// <summary>What each is, and what makes it of what the provider would say and of its key.</summary>
    internal static readonly IReadOnlyDictionary<string, Func<JsonObject, RsaSecurityKey, string>> All = new Dictionary<string, Func<JsonObject, RsaSecurityKey, string>>(StringComparer.Ordinal)
    {
        ["of another issuer"] = (said, key) => Sign(With(said, "iss", "https://elsewhere.example/"), key),
        ["of an issuer that begins as it does"] = (said, key) => Sign(With(said, "iss", said["iss"] + "x"), key),
        ["for another client"] = (said, key) => Sign(With(said, "aud", "another-client"), key),
        ["for another client beside, who asked"] = (said, key) => Sign(With(With(said, "aud", new JsonArray(OpenIdProvider.ClientId, "another-client")), "azp", "another-client"), key),
        ["without a nonce"] = (said, key) => Sign(With(said, "nonce", null), key),
        ["with another nonce"] = (said, key) => Sign(With(said, "nonce", "638000000000000000.QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo"), key),
        ["without a signature"] = (said, _) => Tokens.CreateToken(said.ToJsonString()),
        ["signed with the public key as a secret"] = (said, key) => Tokens.CreateToken(
            said.ToJsonString(), new SigningCredentials(new SymmetricSecurityKey(key.Rsa.ExportSubjectPublicKeyInfo()) { KeyId = key.KeyId }, SecurityAlgorithms.HmacSha256)),
        ["signed with the client's secret"] = (said, _) => Tokens.CreateToken(
            said.ToJsonString(), new SigningCredentials(new SymmetricSecurityKey(SHA256.HashData("planted-client-secret"u8)), SecurityAlgorithms.HmacSha256)),
        ["signed by somebody else"] = (said, key) => Sign(said, new RsaSecurityKey(RSA.Create(2048)) { KeyId = key.KeyId }),
        ["that has ended"] = (said, key) => Sign(With(said, "exp", DateTimeOffset.UtcNow.AddMinutes(-2).ToUnixTimeSeconds()), key),
        ["without an end"] = (said, key) => Sign(With(said, "exp", null), key),
        ["without a subject"] = (said, key) => Sign(With(said, "sub", null), key),
        ["without the claim"] = (said, key) => Sign(With(said, "groups", null), key),
        ["with the claim inside another"] = (said, key) => Sign(With(said, "groups", new JsonObject { ["groups"] = new JsonArray("operators") }), key),
    };

    /// <summary>The provider's own signature.</summary>
    internal static string Sign(JsonObject said, RsaSecurityKey key) => Tokens.CreateToken(said.ToJsonString(), new SigningCredentials(key, SecurityAlgorithms.RsaSha256));

    private static JsonObject With(JsonObject said, string claim, JsonNode? value)
    {
        if (value is null)
        {
            said.Remove(claim);
        }
        else
        {
            said[claim] = value;
        }

        return said;
    }
}
