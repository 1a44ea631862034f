using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Crypto;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Memory;
using Cloister.Enclave.Rpc;
using Cloister.Kbs;

namespace Cloister.Enclave.Admin;

/// <summary>
/// Takes KEKs from an operator who has verified this enclave: evidence for the operator's nonce, then a KEK encrypted to the key that the
/// evidence covers, with a ticket that is good once and for 5 minutes. Thread-safe. Source: docs/provisioning.md.
/// secrets: the attested key; KEKs pass through in pinned memory that is wiped.
/// </summary>
public sealed class ProvisioningDesk : IDisposable
{
    /// <summary>Bytes of a ticket and of a nonce.</summary>
    public const int TicketSize = 32;

    private const int MaxTickets = 16;
    private const int HeaderSize = TicketSize + 6;

    private static readonly TimeSpan Validity = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly EnvelopeContext _context;
    private readonly string _configuration;
    private readonly IEvidenceSource _evidence;
    private readonly AttestedKey _key;
    private readonly TimeProvider _time;
    private readonly List<Ticket> _tickets = [];

    /// <summary>Opens the desk.</summary>
    /// <param name="context">Cluster and provider.</param>
    /// <param name="configuration">SHA-384 of the configuration file, lower-case hex.</param>
    /// <param name="evidence">Makes evidence.</param>
    /// <param name="key">The key that evidence covers, owned by the desk.</param>
    /// <param name="time">Counts what has gone by.</param>
    public ProvisioningDesk(EnvelopeContext context, string configuration, IEvidenceSource evidence, AttestedKey key, TimeProvider time)
    {
        _context = context;
        _configuration = configuration;
        _evidence = evidence;
        _key = key;
        _time = time;
    }

    /// <summary>Kind of evidence.</summary>
    public string Tee => _evidence.Tee;

    /// <summary>Evidence for a nonce.</summary>
    /// <param name="nonce">base64 of 32 bytes.</param>
    /// <param name="kek">Name of the KEK that is to come.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The body of an attestation, and the ticket.</returns>
    /// <exception cref="RpcException">InvalidArgument: not a nonce or a name. Unavailable: the platform gives no evidence.</exception>
    public async ValueTask<(string Attestation, byte[] Ticket)> ChallengeAsync(string nonce, string kek, CancellationToken cancellation)
    {
        if (!KekIdentity.IsValidName(kek) || !Convert.TryFromBase64String(nonce, new byte[TicketSize + 1], out int length) || length != TicketSize)
        {
            throw new RpcException(StatusCode.InvalidArgument, $"a challenge has the base64 of {TicketSize} random bytes and the name of a KEK");
        }

        string statement = EnclaveStatementText.Write(
            new EnclaveStatement(2, StatementPurpose.Provisioning, _context.Cluster, _context.Provider, _configuration, kek, "", 0, 0, ""));
        try
        {
            EvidenceBinding binding = new(RuntimeBinding.ReportData(statement, nonce, _key.Jwk), Encoding.ASCII.GetBytes(nonce), _key.SubjectPublicKeyInfo);
            JsonElement evidence = await _evidence.GetAsync(binding, cancellation);
            using JsonDocument jwk = JsonDocument.Parse(_key.Jwk);
            AttestRequest attestation = new()
            {
                RuntimeData = new AttestedRuntimeData(nonce, jwk.RootElement),
                TeeEvidence = new TeeEvidence(evidence, statement),
            };
            return (JsonSerializer.Serialize(attestation, KbsJson.Default.AttestRequest), Issue(kek));
        }
        catch (BrokerException e)
        {
            throw new RpcException(StatusCode.Unavailable, $"no evidence: {e.Message}");
        }
    }

    /// <summary>Opens a KEK and gives it to the custody.</summary>
    /// <exception cref="RpcException">
    /// InvalidArgument, always the same: not encrypted to this enclave, no ticket or one that was used, is over or is for another name. Else
    /// as <see cref="ManualCustody.Import"/>.
    /// </exception>
    public Kek Provision(string jwe, ManualCustody custody)
    {
        byte[] plaintext = Open(jwe);
        try
        {
            // ticket 32 | version 4 | inactive 1 | length of name 1 | name | KEK 32
            int nameLength = plaintext.Length < HeaderSize ? 0 : plaintext[HeaderSize - 1];
            if (plaintext.Length != HeaderSize + nameLength + SecretKey.Size || plaintext[HeaderSize - 2] > 1)
            {
                throw Refused();
            }

            string name = Encoding.ASCII.GetString(plaintext, HeaderSize, nameLength);
            uint version = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(plaintext.AsSpan(TicketSize));
            bool inactive = plaintext[HeaderSize - 2] == 1;
            return TakeTicket(plaintext.AsSpan(0, TicketSize), name)
                ? custody.Import(name, version, plaintext.AsSpan(HeaderSize + nameLength), activate: !inactive)
                : throw Refused();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <summary>Wipes the attested key.</summary>
    public void Dispose() => _key.Dispose();

    private static RpcException Refused() => new(
        StatusCode.InvalidArgument,
        $"the KEK is not accepted: it has to be encrypted to this enclave, with a ticket of the last {Validity.TotalMinutes} minutes that was not used; run 'cloister provision' again");

    private byte[] Open(string jwe)
    {
        try
        {
            return _key.Open(JsonSerializer.Deserialize(jwe, KbsJson.Default.FlattenedJwe) ?? throw new JsonException());
        }
        catch (Exception e) when (e is JsonException or BrokerException)
        {
            throw Refused();
        }
    }

    private byte[] Issue(string kek)
    {
        byte[] value = new byte[TicketSize];
        KernelRandom.Fill(value);
        lock (_gate)
        {
            DropOld();
            if (_tickets.Count == MaxTickets)
            {
                _tickets.RemoveAt(0);
            }

            _tickets.Add(new Ticket(value, kek, _time.GetTimestamp()));
        }

        return value;
    }

    private bool TakeTicket(ReadOnlySpan<byte> value, string kek)
    {
        lock (_gate)
        {
            DropOld();
            for (int i = 0; i < _tickets.Count; i++)
            {
                if (CryptographicOperations.FixedTimeEquals(_tickets[i].Value, value))
                {
                    string name = _tickets[i].Kek;
                    _tickets.RemoveAt(i);
                    return name == kek;
                }
            }
        }

        return false;
    }

    private void DropOld() => _tickets.RemoveAll(ticket => _time.GetElapsedTime(ticket.IssuedAt) > Validity);

    private sealed record Ticket(byte[] Value, string Kek, long IssuedAt);
}
