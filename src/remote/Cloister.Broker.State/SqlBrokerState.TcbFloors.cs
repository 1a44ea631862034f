using Cloister.Broker.State.Collateral;
using Cloister.Broker.State.Rows;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    private const string TcbFloorColumns = "Model, TcbInfo, QeIdentity";
    private const string SelectTcbFloor = $"SELECT {TcbFloorColumns} FROM TcbFloors WHERE Model = @Model";

    /// <inheritdoc/>
    public async Task<TcbFloor> RaiseTcbFloorAsync(TcbFloor floor, CancellationToken cancellation)
    {
        var next = new TcbFloorRow { Model = floor.Model, TcbInfo = floor.TcbInfo, QeIdentity = floor.QeIdentity };
        TcbFloorRow? kept = await Rows.FindAsync(next.Name, () => _reads.FirstOrDefaultAsync<TcbFloorRow>(SelectTcbFloor, next, cancellation), TcbFloorRow.DigestOf, cancellation);
        if (kept is not null && !next.Raises(kept))
            return kept.ToRecord();
        return (await WriteAsync(
            async writes =>
            {
                RowWrites rows = await RowsOf(writes);
                TcbFloorRow? last = await writes.FirstOrDefaultAsync<TcbFloorRow>(SelectTcbFloor, next);
                rows.Require(next.Name, last is null ? null : TcbFloorRow.DigestOf(last));
                if (last is not null && !next.Raises(last))
                    return last;
                await writes.ExecuteAsync(
                    $"""
                    INSERT INTO TcbFloors ({TcbFloorColumns}) VALUES (@Model, @TcbInfo, @QeIdentity)
                    ON CONFLICT (Model) DO UPDATE SET TcbInfo = excluded.TcbInfo, QeIdentity = excluded.QeIdentity
                    """,
                    next);
                await rows.SetAsync(next.Name, TcbFloorRow.DigestOf(next));
                return next;
            },
            null,
            cancellation)).ToRecord();
    }

    private sealed class TcbFloorRow
    {
        public string Model { get; set; } = "";

        public long TcbInfo { get; set; }

        public long QeIdentity { get; set; }

        public RowName Name => new(RowName.TcbFloors, Model);

        public static byte[] DigestOf(TcbFloorRow row) => new RowDigest(row.Name).Add("TcbInfo", row.TcbInfo).Add("QeIdentity", row.QeIdentity).Finish();

        // Neither is lower, and one is higher.
        public bool Raises(TcbFloorRow kept) => TcbInfo >= kept.TcbInfo && QeIdentity >= kept.QeIdentity && (TcbInfo, QeIdentity) != (kept.TcbInfo, kept.QeIdentity);

        public TcbFloor ToRecord() => new(Model, checked((int)TcbInfo), checked((int)QeIdentity));
    }
}
