using System.Text;
using System.Text.Json;
using Cloister.Attestation;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Kbs;

namespace Cloister.Release;

/// <summary>Reads what an enclave says about itself (docs/broker-protocol.md, "The statement").</summary>
public static class StatementReader
{
    private const int Supported = 2;
    private const int ConfigDigits = 96;
    private const int LeaseDigits = 32;
    private const int KeyDigits = 64;

    /// <summary>The statement of evidence that was made for a purpose; null when there is none and the purpose is that of guests, which need none.</summary>
    /// <param name="additionalEvidence">What came with the evidence.</param>
    /// <param name="purpose">What the evidence is to be used for, of <see cref="StatementPurpose"/>.</param>
    /// <exception cref="StatementException">Not a statement, one that cannot be true, or of another purpose.</exception>
    public static EnclaveStatement? Read(string additionalEvidence, string purpose)
    {
        EnclaveStatement? statement = Read(additionalEvidence);
        return (statement?.Purpose ?? StatementPurpose.Resource) == purpose
            ? statement
            : throw new StatementException(new StepFailure("statement", "purpose", statement is null
                ? $"evidence for '{purpose}' needs a statement that says so, and this has none"
                : $"the evidence was made for '{statement.Purpose}' and is accepted for nothing else: '{purpose}' needs its own"));
    }

    /// <summary>The statement, whatever its purpose; null when additional evidence is empty.</summary>
    /// <exception cref="StatementException">Not a statement, or one that cannot be true.</exception>
    public static EnclaveStatement? Read(string additionalEvidence)
    {
        if (additionalEvidence.Length == 0)
        {
            return null;
        }

        if (Encoding.UTF8.GetByteCount(additionalEvidence) > KbsPaths.MaxStatementSize)
        {
            throw Malformed($"the statement has more than {KbsPaths.MaxStatementSize} bytes");
        }

        EnclaveStatement? statement;
        try
        {
            statement = JsonSerializer.Deserialize(additionalEvidence, KbsJson.Default.StatementEnvelope)?.Cloister;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Malformed($"additional_evidence is no statement of version {Supported}");
        }

        return statement switch
        {
            null => throw Malformed($"additional_evidence is no statement of version {Supported}"),
            { Version: not Supported } => throw Malformed($"the statement's version is not {Supported}"),
            { Purpose: not (StatementPurpose.Lease or StatementPurpose.Provisioning or StatementPurpose.Resource) } =>
                throw Malformed("the statement's purpose is none of lease, provisioning, resource"),
            _ when !IsText(statement.Cluster) || !IsText(statement.Provider) => throw Malformed("the statement's cluster or provider is empty, too long, or has control characters"),
            _ when !IsHex(statement.Config, ConfigDigits) => throw Malformed("the statement's config is not SHA-384 in lower-case hex"),
            _ when !KekIdentity.IsValidName(statement.Kek) => throw Malformed("the statement's kek is no name of a KEK"),
            _ when statement.Lease.Length > 0 && !IsHex(statement.Lease, LeaseDigits) => throw Malformed("the statement's lease is not 32 hex digits"),
            _ when statement.Gateway.Length > 0 && !IsHex(statement.Gateway, KeyDigits) => throw Malformed("the statement's gateway is not SHA-256 in lower-case hex"),
            { Wraps: < 0 } or { Unwraps: < 0 } => throw Malformed("the statement counts less than nothing"),
            { Purpose: not StatementPurpose.Lease } when statement is not { Lease: "", Gateway: "", Wraps: 0, Unwraps: 0 } =>
                throw Malformed("only a statement for a lease names a lease, its uses or a gateway's key"),
            _ => statement,
        };
    }

    private static StatementException Malformed(string why) => new(new StepFailure("request", "malformed", why));

    // It is stored and shown: nothing that a database or a terminal takes for something else.
    private static bool IsText(string text) =>
        Encoding.UTF8.GetByteCount(text) is > 0 and <= EnvelopeContext.MaxTextSize && !text.EnumerateRunes().Any(rune => Rune.IsControl(rune) || rune == Rune.ReplacementChar);

    private static bool IsHex(string text, int digits) => text.Length == digits && text.All(char.IsAsciiHexDigitLower);
}

/// <summary>A statement that is refused.</summary>
/// <param name="failure">The step, and why.</param>
public sealed class StatementException(StepFailure failure) : FormatException(failure.Detail)
{
    /// <summary>The step, and why.</summary>
    public StepFailure Failure { get; } = failure;
}
