using System.Text.Json.Serialization;

namespace Cloister.Kbs;

/// <summary>What an enclave says about itself, inside <c>additional_evidence</c>.</summary>
public sealed record StatementEnvelope(EnclaveStatement Cloister);

/// <summary>The statement. Report data covers it.</summary>
/// <param name="Version">2.</param>
/// <param name="Purpose">What the evidence is for, of <see cref="StatementPurpose"/>: it is accepted for nothing else.</param>
/// <param name="Cluster">Cluster of the configuration.</param>
/// <param name="Provider">Provider of the configuration.</param>
/// <param name="Config">SHA-384 of the configuration file, lower-case hex.</param>
/// <param name="Kek">Name of the KEK that is wanted.</param>
/// <param name="Lease">The lease to renew, 32 hex, or empty.</param>
/// <param name="Wraps">Encryptions under that lease.</param>
/// <param name="Unwraps">Decryptions under that lease.</param>
/// <param name="Gateway">SHA-256 of the gateway's key (SubjectPublicKeyInfo), lower-case hex: the key that a serving certificate is wanted for. Empty: none.</param>
public sealed record EnclaveStatement(
    int Version, string Purpose, string Cluster, string Provider, string Config, string Kek, string Lease, long Wraps, long Unwraps, string Gateway);

/// <summary>What evidence is for.</summary>
public static class StatementPurpose
{
    /// <summary>A lease of a broker, first release and renewal.</summary>
    public const string Lease = "lease";

    /// <summary>A KEK from an operator (docs/provisioning.md).</summary>
    public const string Provisioning = "provisioning";

    /// <summary>A token of KBS and the resources that it gets. Guests that know nothing of statements have none, for the same.</summary>
    public const string Resource = "resource";
}

/// <summary>Asks for a lease, or renews one.</summary>
/// <param name="Attestation">Fresh evidence with a statement.</param>
/// <param name="Have">key_ids that the enclave holds already.</param>
public sealed record LeaseRequest(AttestRequest Attestation, IReadOnlyList<string> Have);

/// <summary>A lease.</summary>
/// <param name="Token">For watch, wrap, unwrap and certificate: ASCII, encrypted to the attested key.</param>
/// <param name="Lease">Compact JWS of <see cref="LeaseTerms"/>.</param>
/// <param name="Keys">KEKs encrypted to the attested key, or null.</param>
public sealed record LeaseResponse(FlattenedJwe Token, string Lease, FlattenedJwe? Keys);

/// <summary>What a lease says. Times in milliseconds since 1970.</summary>
public sealed record LeaseTerms
{
    /// <summary>1.</summary>
    public required int Version { get; init; }

    /// <summary>The broker's authority, 32 hex.</summary>
    public required string Authority { get; init; }

    /// <summary>Its name, 32 hex.</summary>
    public required string Lease { get; init; }

    /// <summary>Thumbprint of the attested key.</summary>
    public required string Instance { get; init; }

    /// <summary>The challenge that was answered.</summary>
    public required string Nonce { get; init; }

    /// <summary>Cluster.</summary>
    public required string Cluster { get; init; }

    /// <summary>Name of the KEK.</summary>
    public required string Kek { get; init; }

    /// <summary>The policy that accepted the evidence.</summary>
    public required string Policy { get; init; }

    /// <summary>The broker's time.</summary>
    public required long Time { get; init; }

    /// <summary>End.</summary>
    public required long Expires { get; init; }

    /// <summary>When to renew.</summary>
    public required long RenewAfter { get; init; }

    /// <summary>How long reads go on after the end.</summary>
    public required long GraceSeconds { get; init; }

    /// <summary>Encryptions until the next renewal.</summary>
    public required long Wraps { get; init; }

    /// <summary>Decryptions until the next renewal.</summary>
    public required long Unwraps { get; init; }

    /// <summary>False: the KEK stays with the broker.</summary>
    public required bool Release { get; init; }

    /// <summary>Changes when the KEK's versions change.</summary>
    public required string Etag { get; init; }

    /// <summary>All versions that are not destroyed.</summary>
    public required IReadOnlyList<LeasedVersion> Versions { get; init; }

    /// <summary>b64u of SHA-256 of the plaintext of the keys, or empty.</summary>
    public required string KeysDigest { get; init; }

    /// <summary>Whom the enclave's gateway trusts, where its configuration leaves that to the broker; null when the policy names nobody.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public GatewayTrust? Gateway { get; init; }

    /// <summary>The broker's audit log with this lease in it (docs/audit-log.md).</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public LogHead? Audit { get; init; }
}

/// <summary>What a log is at a size.</summary>
/// <param name="Size">Entries.</param>
/// <param name="Root">Root of the Merkle tree over them, 32 bytes.</param>
public sealed record LogHead(long Size, byte[] Root);

/// <summary>Authorities of a gateway's peers, certificates in DER.</summary>
/// <param name="ClientAuthorities">Of API servers. Whoever has a certificate of theirs reads and writes Secrets.</param>
/// <param name="EtcdAuthorities">Of etcd.</param>
public sealed record GatewayTrust(IReadOnlyList<byte[]> ClientAuthorities, IReadOnlyList<byte[]> EtcdAuthorities);

/// <summary>A KEK version of a lease.</summary>
/// <param name="Version">From 1.</param>
/// <param name="Generation">32 hex.</param>
/// <param name="KeyId">Its key_id.</param>
/// <param name="Enabled">False: not to be used.</param>
/// <param name="ActiveAt">When writes begin to use it.</param>
public sealed record LeasedVersion(uint Version, string Generation, string KeyId, bool Enabled, long ActiveAt);

/// <summary>Waits for a change.</summary>
public sealed record WatchRequest(string Etag, int WaitSeconds);

/// <summary>Whether something changed.</summary>
public sealed record WatchResponse(string Etag, bool Changed);

/// <summary>Items to wrap or unwrap under a KEK that is not released.</summary>
/// <param name="KeyId">The KEK version.</param>
/// <param name="Purpose">Purpose of the context.</param>
/// <param name="Cluster">Cluster of the context.</param>
/// <param name="Provider">Provider of the context.</param>
/// <param name="Items">b64.</param>
public sealed record CryptoRequest(string KeyId, string Purpose, string Cluster, string Provider, IReadOnlyList<byte[]> Items);

/// <summary>Answers in order; null for an item that is not authentic.</summary>
public sealed record CryptoResponse(IReadOnlyList<byte[]?> Items);

/// <summary>Asks for a serving certificate of the gateway.</summary>
/// <param name="Request">PKCS#10, DER: the key is P-256 and the one that the statement of the lease named. Names and extensions are the broker's.</param>
public sealed record CertificateRequestMessage(byte[] Request);

/// <summary>A serving certificate.</summary>
/// <param name="Chain">DER: the certificate, then the gateways' authority's that issued it.</param>
public sealed record CertificateChain(IReadOnlyList<byte[]> Chain);
