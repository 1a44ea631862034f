using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Custody.Leases;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>Gets leases: challenge, statement, evidence, request, and every check before anything is believed. secrets: uses the attested key, holds the gateway's and tokens.</summary>
public sealed class BrokerSession : IDisposable
{
    private readonly BrokerOptions _options;
    private readonly EnvelopeContext _context;
    private readonly string _configuration;
    private readonly IEvidenceSource _evidence;
    private readonly TimeProvider _time;
    private readonly JsonElement _jwk;
    private readonly string _gateway;
    private string? _token; // of the lease that was given last

    /// <summary>Makes a session.</summary>
    /// <param name="options">Which brokers and which KEK.</param>
    /// <param name="context">Cluster and provider.</param>
    /// <param name="configuration">SHA-384 of the configuration file, lower-case hex.</param>
    /// <param name="evidence">Makes evidence.</param>
    /// <param name="key">The key that evidence vouches for, owned by the session.</param>
    /// <param name="client">Talks to the brokers, owned by the session.</param>
    /// <param name="time">Counts what has gone by.</param>
    /// <param name="servingKey">The gateway's key, which the broker is to issue certificates for, owned by the session; null: none are wanted.</param>
    public BrokerSession(
        BrokerOptions options, EnvelopeContext context, string configuration, IEvidenceSource evidence, AttestedKey key, BrokerClient client, TimeProvider time,
        ECDsa? servingKey = null)
    {
        _options = options;
        _context = context;
        _configuration = configuration;
        _evidence = evidence;
        _time = time;
        Key = key;
        Client = client;
        ServingKey = servingKey;
        _gateway = servingKey is null ? "" : Convert.ToHexStringLower(SHA256.HashData(servingKey.ExportSubjectPublicKeyInfo()));
        using JsonDocument jwk = JsonDocument.Parse(key.Jwk);
        _jwk = jwk.RootElement.Clone();
    }

    /// <summary>Wipes the attested key and closes connections.</summary>
    public void Dispose()
    {
        Client.Dispose();
        Key.Dispose();
        ServingKey?.Dispose();
    }

    internal AttestedKey Key { get; }

    internal BrokerClient Client { get; }

    /// <summary>The key that evidence names for the gateway, or null.</summary>
    internal ECDsa? ServingKey { get; }

    /// <summary>Name of the KEK that is wanted.</summary>
    internal string Kek => _options.Kek;

    /// <summary>Asks for a lease, or renews one.</summary>
    /// <param name="lease">The lease to renew, or empty.</param>
    /// <param name="uses">Uses under it.</param>
    /// <param name="have">key_ids that are here already.</param>
    /// <param name="notBefore">The last broker time that was believed.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="BrokerException">No broker answers, it refuses, or its answer is not to be believed.</exception>
    internal async ValueTask<LeaseGrant> RequestAsync(
        string lease, LeaseUses uses, IReadOnlyList<string> have, long notBefore, CancellationToken cancellation)
    {
        (string nonce, string cookie) = await Client.AuthAsync(_evidence.Tee, cancellation);
        string statement = EnclaveStatementText.Write(
            new EnclaveStatement(
                2, StatementPurpose.Lease, _context.Cluster, _context.Provider, _configuration, _options.Kek, lease, uses.Wraps, uses.Unwraps, _gateway));
        EvidenceBinding binding = new(RuntimeBinding.ReportData(statement, nonce, Key.Jwk), Encoding.ASCII.GetBytes(nonce), Key.SubjectPublicKeyInfo);
        JsonElement evidence = await _evidence.GetAsync(binding, cancellation);
        AttestRequest attestation = new()
        {
            RuntimeData = new AttestedRuntimeData(nonce, _jwk),
            TeeEvidence = new TeeEvidence(evidence, statement),
        };

        // Taken before the question: what goes by on the way counts against the lease, never for it.
        long askedAt = _time.GetTimestamp();
        LeaseResponse response = await Client.LeaseAsync(cookie, _token, new LeaseRequest(attestation, have), cancellation);
        LeaseTerms terms = LeaseReader.Read(
            response.Lease, _options.Pins, new LeaseExpectation(nonce, Key.Thumbprint, _context.Cluster, _options.Kek, notBefore));
        string token = _token = OpenToken(response.Token);
        return new LeaseGrant(terms, response.Lease, token, response.Keys, askedAt);
    }

    /// <summary>Looks whether brokers answer that have been quiet.</summary>
    internal Task ProbeAsync(TimeSpan quiet, CancellationToken cancellation) => Client.ProbeAsync(_evidence.Tee, quiet, cancellation);

    private string OpenToken(FlattenedJwe jwe)
    {
        byte[] token = Key.Open(jwe);
        try
        {
            return Encoding.ASCII.GetString(token);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(token);
        }
    }
}
