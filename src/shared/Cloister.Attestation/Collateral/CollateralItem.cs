using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Collateral;

/// <summary>A part of collateral, and for how long it counts.</summary>
/// <param name="Name">As its file in a collateral directory, without the ending: <c>tcb_info</c>, <c>pck_crl</c>.</param>
/// <param name="IssuedAt">From when on.</param>
/// <param name="EndsAt">Until when: the next one is due, or a certificate of the chain ends.</param>
public sealed record CollateralItem(string Name, DateTimeOffset IssuedAt, DateTimeOffset EndsAt)
{
    /// <summary>Number of the evaluation at Intel; null: this part has none.</summary>
    public int? TcbEvaluationDataNumber { get; init; }

    /// <summary>Certificates, one at least: all of them count between the two dates.</summary>
    public static CollateralItem Of(string name, IReadOnlyList<Certificate> chain) => new(name, chain.Max(one => one.NotBefore), chain.Min(one => one.NotAfter));

    /// <summary>A revocation list.</summary>
    public static CollateralItem Of(string name, RevocationList list)
    {
        ArgumentNullException.ThrowIfNull(list);
        return new CollateralItem(name, list.ThisUpdate, list.NextUpdate);
    }
}
