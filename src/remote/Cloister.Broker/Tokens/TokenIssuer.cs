using System.Text;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Attestation.Claims;
using Cloister.Broker.Evidence;
using Cloister.Kbs;

namespace Cloister.Broker.Tokens;

/// <summary>Issues attestation results: EAR in a JWT, ES256 (docs/broker-protocol.md, "Token"). Thread-safe.</summary>
/// <param name="authority">Signs.</param>
/// <param name="audience"><c>aud</c>: whom tokens are for.</param>
/// <param name="clock">What time it is.</param>
public sealed class TokenIssuer(BrokerAuthority authority, string audience, TimeProvider clock)
{
    /// <summary><c>typ</c> of a token of an attestation, as KBS clients know it.</summary>
    public const string Type = "JWT";

    /// <summary><c>typ</c> of a token of a lease. Neither is taken for the other.</summary>
    public const string LeaseType = "cloister-lease-token+jwt";

    /// <summary>How long a token holds that belongs to no lease.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    /// <summary>The audience where the configuration names none: the brokers of this authority.</summary>
    public static string DefaultAudience(BrokerAuthority authority) => $"urn:cloister:broker:{authority.Id}";

    // AR4SI: 2 affirming, 3 approved; 32 to 95 warn; from 96 on contraindicated.
    private const int Genuine = 2;
    private const int Approved = 3;
    private const int OutdatedHardware = 32;
    private const int UnapprovedExecutables = 33;
    private const int UnapprovedConfiguration = 36;
    private const int Encrypted = 2;
    private const int Visible = 96;

    /// <summary>A token for an accepted enclave.</summary>
    /// <param name="verdict">The acceptance.</param>
    /// <param name="runtime">The challenge and key that the evidence covers.</param>
    /// <param name="configurationApproved">Whether the policy names the configuration.</param>
    /// <param name="lease">The lease it belongs to, or null.</param>
    /// <param name="expires">Its end; null: after <see cref="Lifetime"/>.</param>
    /// <param name="policies">Every policy that accepted the evidence, as its caller names them.</param>
    /// <exception cref="ArgumentException">The verdict is a refusal.</exception>
    public string Issue(EvidenceVerdict verdict, AttestedRuntimeData runtime, bool configurationApproved, TokenLease? lease = null, DateTimeOffset? expires = null, IReadOnlyList<string>? policies = null)
    {
        AttestedEnclave enclave = verdict.Enclave ?? throw new ArgumentException("nobody gets a token for refused evidence", nameof(verdict));
        DateTimeOffset now = clock.GetUtcNow();
        JsonObject token = new()
        {
            ["eat_profile"] = "tag:github.com,2024:confidential-containers/Trustee",
            ["iss"] = "cloister-broker",
            ["aud"] = audience,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = (expires ?? now + Lifetime).ToUnixTimeSeconds(),
            ["ear.verifier-id"] = new JsonObject { ["developer"] = "cloister.dev", ["build"] = "cloister-broker" },
            ["submods"] = new JsonObject { ["cpu0"] = Appraisal(verdict, enclave, runtime, configurationApproved) },
        };
        token["cloister-subject"] = new JsonObject
        {
            ["measurement"] = enclave.Measurement,
            ["platforms"] = new JsonArray([.. enclave.Platforms.Select(platform => JsonValue.Create(platform))]),
            ["policies"] = new JsonArray([.. (policies ?? []).Select(policy => JsonValue.Create(policy))]),
            ["cluster"] = enclave.Statement?.Cluster ?? "",
            ["kek"] = enclave.Statement?.Kek ?? "",
            ["otherRoots"] = new JsonArray([.. enclave.OtherRoots.Select(root => JsonValue.Create(root))]),
            ["revocationChecked"] = enclave.RevocationChecked,
        };
        if (lease is not null)
        {
            token["cloister"] = new JsonObject
            {
                ["lease"] = lease.Lease, ["instance"] = lease.Instance, ["cluster"] = lease.Cluster, ["provider"] = lease.Provider, ["kek"] = lease.Kek,
                ["gateway"] = lease.Gateway,
            };
        }

        return authority.SignToken(lease is null ? Type : LeaseType, Encoding.UTF8.GetBytes(token.ToJsonString()));
    }

    private static JsonObject Appraisal(EvidenceVerdict verdict, AttestedEnclave enclave, AttestedRuntimeData runtime, bool configurationApproved)
    {
        EvidenceClaims claims = enclave.Evidence.Claims;
        string[] measurementRules = ["enclave", "mrtd", "measurement", "pcr0"];
        int hardware = claims.TcbStatus is null or TcbStatus.UpToDate ? Genuine : OutdatedHardware;
        int executables = verdict.Waived.Any(measurementRules.Contains) ? UnapprovedExecutables : Approved;
        int configuration = configurationApproved ? Approved : UnapprovedConfiguration;
        int memory = claims.Debug ? Visible : Encrypted;
        int worst = new[] { hardware, executables, configuration, memory }.Max();
        JsonObject all = [];
        foreach ((string name, ClaimValue value) in claims.All)
        {
            all[name] = value.Kind switch
            {
                ClaimKind.Number => JsonValue.Create(value.Number),
                ClaimKind.Flag => JsonValue.Create(value.Flag),
                _ => JsonValue.Create(value.ToString()),
            };
        }

        return new JsonObject
        {
            ["ear.status"] = worst >= Visible ? "contraindicated" : worst >= OutdatedHardware ? "warning" : "affirming",
            ["ear.trustworthiness-vector"] = new JsonObject { ["hardware"] = hardware, ["executables"] = executables, ["configuration"] = configuration, ["runtime-opaque"] = memory },
            ["ear.appraisal-policy-id"] = enclave.Evidence.PolicyName,
            ["ear.veraison.annotated-evidence"] = new JsonObject
            {
                [TeeNames.NameOf(claims.Tee)] = all,
                ["runtime_data_claims"] = new JsonObject { ["nonce"] = runtime.Nonce, ["tee-pubkey"] = JsonNode.Parse(runtime.TeePublicKey.GetRawText()) },
            },
        };
    }
}
