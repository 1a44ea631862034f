using System.Globalization;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Rows;

namespace Cloister.Broker.State.Sql;

/// <summary>A KEK with all its versions, which are authenticated as one: rows by version, at least one, each with the KEK's columns. Not to be changed.</summary>
internal sealed class KekUnit(IReadOnlyList<KekRow> rows)
{
    private Kek? _kek;

    public IReadOnlyList<KekRow> Rows { get; } = rows;

    public KekRow First => Rows[0];

    public Kek Kek => _kek ??= new Kek(First.ToRecord(), [.. Rows.Select(row => row.ToVersion())], KekRow.Etag(First.Revision)) { HighestActive = checked((int)First.HighestActive) };

    /// <summary>KEKs from rows that are ordered by name and version.</summary>
    public static IReadOnlyList<KekUnit> Of(IEnumerable<KekRow> rows) =>
        [.. rows.GroupBy(row => row.Name, StringComparer.Ordinal).Select(kek => new KekUnit([.. kek]))];

    public static byte[] DigestOf(KekUnit unit)
    {
        KekRow kek = unit.First;
        RowDigest digest = new RowDigest(new RowName(RowName.Keks, kek.Name))
            .Add("Cluster", kek.Cluster).Add("Store", kek.Store).Add("Policy", kek.Policy).Add("Releasable", kek.Releasable).Add("CreatedAt", kek.KekCreatedAt)
            .Add("NextVersion", kek.NextVersion).Add("Revision", kek.Revision).Add("HighestActive", kek.HighestActive);
        foreach (KekRow version in unit.Rows)
        {
            string prefix = version.Version.ToString(CultureInfo.InvariantCulture) + ".";
            digest.Add(prefix + "Generation", version.Generation).Add(prefix + "State", version.State).Add(prefix + "CreatedAt", version.CreatedAt)
                .Add(prefix + "ActiveAt", version.ActiveAt).Add(prefix + "DestroyAt", version.DestroyAt).Add(prefix + "Commitment", version.Commitment);
        }
        return digest.Finish();
    }
}
