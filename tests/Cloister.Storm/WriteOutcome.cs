namespace Cloister.Storm;

/// <summary>What is known of a write.</summary>
internal enum WriteOutcome
{
    /// <summary>It was applied.</summary>
    Acknowledged,

    /// <summary>It was not applied: its condition did not hold.</summary>
    Refused,

    /// <summary>It was applied, or will be, or never.</summary>
    Unknown,
}
