using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Forms;

/// <summary>
/// What an attestation service says about evidence: an EAR or another JWT (RFC 7519; draft-ietf-rats-ear; draft-ietf-rats-ar4si), signed, or its claims alone. It is
/// for people who look at one and for relying parties that know the service's key. It is no evidence, and no verifier here takes it.
/// </summary>
public sealed class AttestationToken
{
    /// <summary>Largest token read, in bytes.</summary>
    public const int MaximumLength = 1024 * 1024;

    private readonly byte[] _signed;
    private readonly byte[] _signature;

    private AttestationToken(JsonElement? header, JsonElement claims, byte[] signed, byte[] signature)
    {
        Header = header;
        Claims = claims;
        _signed = signed;
        _signature = signature;
        Submods = ReadSubmods(claims);
    }

    /// <summary>The header; null where the claims came without a signature.</summary>
    public JsonElement? Header { get; }

    /// <summary>All claims.</summary>
    public JsonElement Claims { get; }

    /// <summary>The algorithm of the signature as the header names it, or null.</summary>
    public string? Algorithm => Header is { } header ? Text(header, "alg") : null;

    /// <summary>Who issued it, or null.</summary>
    public string? Issuer => Text(Claims, "iss");

    /// <summary>The EAT profile, or null.</summary>
    public string? Profile => Text(Claims, "eat_profile");

    /// <summary>When it was issued; null when it does not say.</summary>
    public DateTimeOffset? IssuedAt => Moment("iat");

    /// <summary>From when on it counts; null when it does not say.</summary>
    public DateTimeOffset? NotBefore => Moment("nbf");

    /// <summary>Until when it counts; null when it does not say.</summary>
    public DateTimeOffset? ExpiresAt => Moment("exp");

    /// <summary>What is said of each attester; empty for a token that is no EAR.</summary>
    public IReadOnlyList<TokenSubmod> Submods { get; }

    /// <summary>Reads a token: a JWT, a KBS answer with one (<c>{"token":"..."}</c>), or claims in JSON.</summary>
    /// <param name="bytes">The content of a file or an answer.</param>
    /// <exception cref="EvidenceFormatException">It is none of these.</exception>
    public static AttestationToken Parse(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length > MaximumLength)
        {
            throw Error($"{bytes.Length} bytes, at most {MaximumLength} are read");
        }

        if (TextForms.IsToken(bytes.Span))
        {
            return ParseSigned(Encoding.ASCII.GetString(bytes.Span).Trim());
        }

        if (!TextForms.IsText(bytes.Span))
        {
            throw Unknown();
        }

        using JsonDocument document = TextForms.Parse(bytes);
        JsonElement root = document.RootElement;
        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("token", out JsonElement token) && token.ValueKind == JsonValueKind.String)
        {
            byte[] inner = Encoding.UTF8.GetBytes(token.GetString()!);
            return TextForms.IsToken(inner) ? ParseSigned(token.GetString()!.Trim()) : throw Unknown();
        }

        return root.ValueKind == JsonValueKind.Object && (root.TryGetProperty("submods", out _) || root.TryGetProperty("eat_profile", out _) || root.TryGetProperty("iss", out _))
            ? new AttestationToken(null, root.Clone(), [], [])
            : throw Unknown();
    }

    /// <summary>Whether it is signed with a key, by the algorithm that its header names and that belongs to such a key. Never for claims without a signature.</summary>
    /// <param name="key">An ECDSA or RSA key.</param>
    public bool IsSignedBy(AsymmetricAlgorithm key)
    {
        ArgumentNullException.ThrowIfNull(key);
        HashAlgorithmName? hash = Algorithm?[^3..] switch { "256" => HashAlgorithmName.SHA256, "384" => HashAlgorithmName.SHA384, "512" => HashAlgorithmName.SHA512, _ => null };
        return hash is { } name && (key, Algorithm![..2]) switch
        {
            (ECDsa ecdsa, "ES") => ecdsa.KeySize == Curve(Algorithm) && ecdsa.VerifyData(_signed, _signature, name),
            (RSA rsa, "RS") => rsa.KeySize >= 2048 && rsa.VerifyData(_signed, _signature, name, RSASignaturePadding.Pkcs1),
            (RSA rsa, "PS") => rsa.KeySize >= 2048 && rsa.VerifyData(_signed, _signature, name, RSASignaturePadding.Pss),
            _ => false,
        };
    }

    /// <summary>Whether it counts at a moment; one that does not say until when does not.</summary>
    /// <param name="time">The moment.</param>
    public bool IsInTime(VerificationTime time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return ExpiresAt is { } end && time.Value < end && (NotBefore is not { } start || time.Value >= start);
    }

    private static int Curve(string algorithm) => algorithm switch { "ES256" => 256, "ES384" => 384, "ES512" => 521, _ => 0 };

    private static AttestationToken ParseSigned(string token)
    {
        string[] parts = token.Split('.');
        JsonElement Object(string part, string name)
        {
            byte[] json = TextForms.FromBase64(Encoding.ASCII.GetBytes(part)) ?? throw Error($"its {name} is no base64url");
            using JsonDocument document = TextForms.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : throw Error($"its {name} is no JSON object");
        }

        JsonElement header = Object(parts[0], "header");
        byte[] signature = parts[2].Length == 0 ? [] : TextForms.FromBase64(Encoding.ASCII.GetBytes(parts[2])) ?? throw Error("its signature is no base64url");
        AttestationToken read = new(header, Object(parts[1], "payload"), Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), signature);
        return read.Algorithm is { Length: >= 3 and <= 16 } ? read : throw Error("its header names no algorithm");
    }

    private static List<TokenSubmod> ReadSubmods(JsonElement claims)
    {
        if (!claims.TryGetProperty("submods", out JsonElement submods))
        {
            return [];
        }

        if (submods.ValueKind != JsonValueKind.Object)
        {
            throw Error("its submods are no object");
        }

        List<TokenSubmod> read = [];
        foreach (JsonProperty submod in submods.EnumerateObject())
        {
            List<KeyValuePair<string, int>> vector = [];
            if (submod.Value.ValueKind == JsonValueKind.Object && submod.Value.TryGetProperty("ear.trustworthiness-vector", out JsonElement values) && values.ValueKind == JsonValueKind.Object)
            {
                foreach (JsonProperty value in values.EnumerateObject())
                {
                    vector.Add(KeyValuePair.Create(value.Name, value.Value.ValueKind == JsonValueKind.Number && value.Value.TryGetInt32(out int number) && number is >= sbyte.MinValue and <= sbyte.MaxValue
                        ? number
                        : throw Error($"'{value.Name}' of its trustworthiness vector is no number from -128 to 127")));
                }
            }

            read.Add(new TokenSubmod(submod.Name, submod.Value.ValueKind == JsonValueKind.Object ? Text(submod.Value, "ear.status") : null, vector));
        }

        return read;
    }

    private DateTimeOffset? Moment(string claim) =>
        Claims.TryGetProperty(claim, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double seconds) && seconds is >= 0 and < 253_402_300_800
            ? DateTimeOffset.UnixEpoch.AddSeconds(Math.Floor(seconds))
            : null;

    private static string? Text(JsonElement json, string member) => json.TryGetProperty(member, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static EvidenceFormatException Error(string problem) => new("token", 0, problem);

    private static EvidenceFormatException Unknown() =>
        EvidenceFormatException.UnknownForm("token", "it is no token; known are: a JWT, a KBS answer with a JWT in token, and claims of an EAR as JSON");
}

/// <summary>What a token says of one attester.</summary>
/// <param name="Name">Its name in the token, such as <c>cpu0</c>.</param>
/// <param name="Status"><c>ear.status</c>; null when it is not there.</param>
/// <param name="Vector">The trustworthiness vector, by claim (draft-ietf-rats-ar4si).</param>
public sealed record TokenSubmod(string Name, string? Status, IReadOnlyList<KeyValuePair<string, int>> Vector)
{
    /// <summary>The tier of a value of the vector: <c>none</c>, <c>affirming</c>, <c>warning</c> or <c>contraindicated</c> (draft-ietf-rats-ar4si, 2.3.2).</summary>
    /// <param name="value">-128 to 127.</param>
    public static string TierOf(int value) => value switch
    {
        >= -1 and <= 1 => "none",
        >= -32 and <= 31 => "affirming",
        >= -96 and <= 95 => "warning",
        >= sbyte.MinValue and <= sbyte.MaxValue => "contraindicated",
        _ => throw new ArgumentOutOfRangeException(nameof(value), value.ToString(CultureInfo.InvariantCulture)),
    };
}
