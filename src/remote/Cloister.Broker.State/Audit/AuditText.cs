using System.Buffers;

namespace Cloister.Broker.State.Audit;

/// <summary>An event as it is stored and hashed. secrets: none.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Details">JSON.</param>
/// <param name="Request">The request that is used up with it; null: none.</param>
/// <param name="Approved">What comes before it then.</param>
internal sealed record AuditText(string Kind, string Details, string? Request = null, AuditText? Approved = null)
{
    private static readonly SearchValues<char> KindCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789.-");

    /// <exception cref="ArgumentException">The kind is not one.</exception>
    public static AuditText Of(AuditEvent auditEvent)
    {
        string kind = auditEvent.Kind;
        return kind.Length is 0 or > 64 || kind.AsSpan().ContainsAnyExcept(KindCharacters)
            ? throw new ArgumentException("the kind of an audit event is 1 to 64 of a-z 0-9 . -", nameof(auditEvent))
            : new AuditText(
                kind, auditEvent.Details.ToJsonString(), auditEvent.Approval?.Request, auditEvent.Approval is { } approval ? Of(approval.Entry) : null);
    }
}
