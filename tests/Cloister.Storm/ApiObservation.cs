namespace Cloister.Storm;

/// <summary>What a client of an API server saw: one event, or a list.</summary>
/// <param name="Revision">resourceVersion of the event's object, or of the list.</param>
/// <param name="Type">ADDED, MODIFIED or DELETED; empty for a list.</param>
/// <param name="Name">Of the Secret.</param>
/// <param name="Value">Its password; for DELETED, the last one.</param>
/// <param name="Listed">Names and revisions of a list.</param>
internal sealed record ApiObservation(long Revision, string Type = "", string Name = "", string Value = "", IReadOnlyDictionary<string, long>? Listed = null);
