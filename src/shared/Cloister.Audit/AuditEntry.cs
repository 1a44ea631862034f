namespace Cloister.Audit;

/// <summary>An entry of the audit log. Each names its predecessor by hash, so none can be changed, removed or moved alone.</summary>
/// <param name="Seq">From 1, without gaps.</param>
/// <param name="Time">When, milliseconds since 1970, by the broker's clock; may go back between brokers.</param>
/// <param name="Kind">What happened.</param>
/// <param name="Details">JSON, exactly as hashed.</param>
/// <param name="Previous">The predecessor's hash, 32 bytes; zeros for the first.</param>
/// <param name="Hash">32 bytes, as <see cref="AuditEncoding.Hash"/> says.</param>
public sealed record AuditEntry(long Seq, long Time, string Kind, string Details, byte[] Previous, byte[] Hash);
