using System.Text;
using System.Text.Json;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Kbs;

namespace Cloister.Release;

/// <summary>Reads what an enclave says about itself (docs/broker-protocol.md, "The statement").</summary>
public static class StatementReader
{
    private const int ConfigDigits = 96;
    private const int LeaseDigits = 32;

    /// <summary>The statement; null when additional evidence is empty.</summary>
    /// <exception cref="FormatException">Not a statement, or one that cannot be true.</exception>
    public static EnclaveStatement? Read(string additionalEvidence)
    {
        if (additionalEvidence.Length == 0)
        {
            return null;
        }

        if (Encoding.UTF8.GetByteCount(additionalEvidence) > KbsPaths.MaxStatementSize)
        {
            throw new FormatException($"the statement has more than {KbsPaths.MaxStatementSize} bytes");
        }

        EnclaveStatement? statement;
        try
        {
            statement = JsonSerializer.Deserialize(additionalEvidence, KbsJson.Default.StatementEnvelope)?.Cloister;
        }
        catch (JsonException)
        {
            throw new FormatException("additional_evidence is no statement");
        }

        return statement switch
        {
            null => throw new FormatException("additional_evidence is no statement"),
            { Version: not 1 } => throw new FormatException("the statement's version is not 1"),
            _ when !IsText(statement.Cluster) || !IsText(statement.Provider) => throw new FormatException("the statement's cluster or provider is empty or too long"),
            _ when !IsHex(statement.Config, ConfigDigits) => throw new FormatException("the statement's config is not SHA-384 in lower-case hex"),
            _ when !KekIdentity.IsValidName(statement.Kek) => throw new FormatException("the statement's kek is no name of a KEK"),
            _ when statement.Lease.Length > 0 && !IsHex(statement.Lease, LeaseDigits) => throw new FormatException("the statement's lease is not 32 hex digits"),
            { Wraps: < 0 } or { Unwraps: < 0 } => throw new FormatException("the statement counts less than nothing"),
            _ => statement,
        };
    }

    private static bool IsText(string text) => Encoding.UTF8.GetByteCount(text) is > 0 and <= EnvelopeContext.MaxTextSize;

    private static bool IsHex(string text, int digits) => text.Length == digits && text.All(char.IsAsciiHexDigitLower);
}
