using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cloister.Kbs;

/// <summary>Asks for a challenge.</summary>
/// <param name="Version">Protocol version.</param>
/// <param name="Tee">Kind of TEE.</param>
/// <param name="ExtraParams">Anything; ignored.</param>
public sealed record AuthRequest(string Version, string Tee, [property: JsonPropertyName("extra-params")] JsonElement ExtraParams);

/// <summary>A challenge.</summary>
/// <param name="Nonce">b64 of 32 bytes.</param>
/// <param name="ExtraParams">Empty.</param>
public sealed record Challenge(string Nonce, [property: JsonPropertyName("extra-params")] string ExtraParams);

/// <summary>Evidence that answers a challenge.</summary>
public sealed record AttestRequest
{
    /// <summary>Data about the start of the TEE, when there is any.</summary>
    [JsonPropertyName("init-data")]
    public InitData? InitData { get; init; }

    /// <summary>What report data covers, besides additional evidence.</summary>
    [JsonPropertyName("runtime-data")]
    public required AttestedRuntimeData RuntimeData { get; init; }

    /// <summary>The evidence.</summary>
    [JsonPropertyName("tee-evidence")]
    public required TeeEvidence TeeEvidence { get; init; }
}

/// <summary>Data about the start of the TEE.</summary>
public sealed record InitData(string Format, string Body);

/// <summary>Challenge and key.</summary>
/// <param name="Nonce">The challenge, as it came.</param>
/// <param name="TeePublicKey">The attested key, a JWK.</param>
public sealed record AttestedRuntimeData(string Nonce, [property: JsonPropertyName("tee-pubkey")] JsonElement TeePublicKey);

/// <summary>Evidence of the TEE.</summary>
/// <param name="Primary">Its form depends on the TEE.</param>
/// <param name="Additional">Empty, or a statement.</param>
public sealed record TeeEvidence(
    [property: JsonPropertyName("primary_evidence")] JsonElement Primary,
    [property: JsonPropertyName("additional_evidence")] string Additional);

/// <summary>A token.</summary>
public sealed record TokenResponse(string Token);

/// <summary>A JWE in flattened JSON, its parts b64u.</summary>
public sealed record FlattenedJwe(
    string Protected,
    [property: JsonPropertyName("encrypted_key")] string EncryptedKey,
    string Iv,
    string Ciphertext,
    string Tag);

/// <summary>An error.</summary>
/// <param name="Type"><see cref="KbsPaths.ErrorTypePrefix"/> and the error's name.</param>
/// <param name="Detail">What is wrong and what to do.</param>
public sealed record KbsError(string Type, string Detail);
