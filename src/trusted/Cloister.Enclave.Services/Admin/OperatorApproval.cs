using Cloister.Contracts.Envelope;
using Cloister.Contracts.Operators;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Services.Admin;

/// <summary>
/// Lets KEKs change only by the signature of an operator whom the measured configuration names, over exactly this change and a ticket that was not
/// used. Thread-safe. Source: docs/provisioning.md, "Operators". secrets: none.
/// </summary>
public sealed class OperatorApproval
{
    private readonly EnvelopeContext _context;
    private readonly OperatorPins _operators;
    private readonly AdminTickets _tickets;

    /// <summary>Judges changes of one enclave.</summary>
    /// <param name="context">Cluster and provider.</param>
    /// <param name="operators">Whose signature counts.</param>
    /// <param name="tickets">Tickets for changes.</param>
    public OperatorApproval(EnvelopeContext context, OperatorPins operators, AdminTickets tickets)
    {
        _context = context;
        _operators = operators;
        _tickets = tickets;
    }

    /// <summary>What administration shows: <c>any</c>, or pins.</summary>
    public IReadOnlyList<string> Operators => _operators.Texts;

    /// <summary>A ticket for a change.</summary>
    /// <param name="kek">Name of the KEK; empty for changes that name none.</param>
    public byte[] Ticket(string kek) => _tickets.Issue(kek);

    /// <summary>Refuses a change that no operator signed.</summary>
    /// <param name="signature">What came with it.</param>
    /// <param name="change">The change with the ticket that came with it.</param>
    /// <param name="takesTicket">False when the ticket was taken before.</param>
    /// <exception cref="FailureException">PermissionDenied, for whatever reason always the same.</exception>
    public void Require(OperatorSignature signature, OperatorStatement change, bool takesTicket = true)
    {
        if (_operators.IsAny)
        {
            return;
        }

        bool fresh = !takesTicket || _tickets.Take(change.Ticket.Span, change.Kek);
        if (!fresh || !_operators.Accept(signature.PublicKey.Span) || !change.IsSignedBy(signature.PublicKey.Span, signature.Value.Span))
        {
            throw new FailureException(
                FailureKind.NotAllowed,
                "KEKs of this enclave change only by the signature of an operator whom custody.manual.operators names, over this very change and a ticket of the last "
                + $"{AdminTickets.Validity.TotalMinutes} minutes that was not used: run the command again with --operator-key FILE of such a key");
        }
    }

    /// <summary>The change, as it has to be signed for this enclave.</summary>
    internal OperatorStatement Statement(OperatorAct act, ReadOnlyMemory<byte> ticket) => new(act, _context.Cluster, _context.Provider, ticket);
}

/// <summary>Message <c>OperatorSignature</c> of proto/cloister/enclave_admin.proto. secrets: none.</summary>
/// <param name="PublicKey">DER of the operator's SubjectPublicKeyInfo.</param>
/// <param name="Value">r and s.</param>
/// <param name="Ticket">The ticket that it covers.</param>
public readonly record struct OperatorSignature(ReadOnlyMemory<byte> PublicKey, ReadOnlyMemory<byte> Value, ReadOnlyMemory<byte> Ticket)
{
    /// <summary>Reads the message.</summary>
    /// <exception cref="WireException">It is none.</exception>
    internal static OperatorSignature Read(ReadOnlyMemory<byte> message)
    {
        OperatorSignature signature = default;
        ProtoReader reader = new(message.Span);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    signature = signature with { PublicKey = message[reader.BytesRange()] };
                    break;
                case 2:
                    signature = signature with { Value = message[reader.BytesRange()] };
                    break;
                case 3:
                    signature = signature with { Ticket = message[reader.BytesRange()] };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return signature;
    }
}
