using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Contracts.Operators;
using Cloister.Enclave.Base;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Memory;
using Cloister.Kbs;

namespace Cloister.Enclave.Services.Admin;

/// <summary>
/// Takes KEKs from an operator who has verified this enclave: evidence for the operator's nonce, then a KEK encrypted to the key that the
/// evidence covers, with a ticket, and signed by an operator. Thread-safe. Source: docs/provisioning.md.
/// secrets: the attested key; KEKs pass through in pinned memory that is wiped.
/// </summary>
public sealed class ProvisioningExchange : IDisposable
{
    /// <summary>Bytes of a ticket and of a nonce.</summary>
    public const int TicketSize = OperatorStatement.TicketSize;

    private const int HeaderSize = TicketSize + 6;

    private readonly EnvelopeContext _context;
    private readonly string _configuration;
    private readonly IEvidenceSource _evidence;
    private readonly AttestedKey _key;
    private readonly AdminTickets _tickets;
    private readonly OperatorApproval _approval;

    /// <summary>Begins the exchange.</summary>
    /// <param name="context">Cluster and provider.</param>
    /// <param name="configuration">SHA-384 of the configuration file, lower-case hex.</param>
    /// <param name="evidence">Makes evidence.</param>
    /// <param name="key">The key that evidence covers, owned by the exchange.</param>
    /// <param name="tickets">Tickets for KEKs.</param>
    /// <param name="approval">Judges whether an operator signed.</param>
    public ProvisioningExchange(
        EnvelopeContext context, string configuration, IEvidenceSource evidence, AttestedKey key, AdminTickets tickets, OperatorApproval approval)
    {
        _context = context;
        _configuration = configuration;
        _evidence = evidence;
        _key = key;
        _tickets = tickets;
        _approval = approval;
    }

    /// <summary>Kind of evidence.</summary>
    public string Tee => _evidence.Tee;

    /// <summary>Evidence for a nonce.</summary>
    /// <param name="nonce">base64 of 32 bytes.</param>
    /// <param name="kek">Name of the KEK that is to come.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The body of an attestation, and the ticket.</returns>
    /// <exception cref="FailureException">Invalid: not a nonce or a name. Unavailable: the platform gives no evidence.</exception>
    public async ValueTask<(string Attestation, byte[] Ticket)> ChallengeAsync(string nonce, string kek, CancellationToken cancellation)
    {
        if (!KekIdentity.IsValidName(kek) || !Convert.TryFromBase64String(nonce, new byte[TicketSize + 1], out int length) || length != TicketSize)
        {
            throw new FailureException(FailureKind.Invalid, $"a challenge has the base64 of {TicketSize} random bytes and the name of a KEK");
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
            return (JsonSerializer.Serialize(attestation, KbsJson.Default.AttestRequest), _tickets.Issue(kek));
        }
        catch (BrokerException e)
        {
            throw new FailureException(FailureKind.Unavailable, $"no evidence: {e.Message}");
        }
    }

    /// <summary>Opens a KEK and gives it to the custody.</summary>
    /// <exception cref="FailureException">
    /// Invalid, always the same: not encrypted to this enclave, no ticket or one that was used, is over or is for another name.
    /// PermissionDenied: no operator signed this. Else as <see cref="ManualCustody.Import"/>.
    /// </exception>
    public Kek Provision(string jwe, OperatorSignature signature, ManualCustody custody)
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
            if (!_tickets.Take(plaintext.AsSpan(0, TicketSize), name))
            {
                throw Refused();
            }

            Span<byte> kek = plaintext.AsSpan(HeaderSize + nameLength);
            OperatorStatement change = _approval.Statement(OperatorAct.Provision, plaintext.AsMemory(0, TicketSize)) with
            {
                Kek = name, Version = version, Active = !inactive, KeyDigest = SHA256.HashData(kek),
            };
            _approval.Require(signature, change, takesTicket: false);
            return custody.Import(name, version, kek, activate: !inactive);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <summary>Wipes the attested key.</summary>
    public void Dispose() => _key.Dispose();

    private static FailureException Refused() => new(
        FailureKind.Invalid,
        $"the KEK is not accepted: it has to be encrypted to this enclave, with a ticket of the last {AdminTickets.Validity.TotalMinutes} minutes that was not used; run 'cloister provision' again");

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
}
