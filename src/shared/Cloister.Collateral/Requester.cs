namespace Cloister.Collateral;

/// <summary>For whom collateral is asked for: what strangers can use up is kept apart from what known parties need.</summary>
public enum Requester
{
    /// <summary>Somebody of whom nothing is known yet.</summary>
    Unknown,

    /// <summary>Has a lease, or had one; or an operator asks.</summary>
    Known,
}
