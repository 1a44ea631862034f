namespace Cloister.Broker.State.Rows;

/// <summary>The newest change of rows that was seen. secrets: none.</summary>
/// <param name="Seq">Its number; 0: none yet.</param>
/// <param name="Mac">Its MAC, 32 bytes.</param>
public sealed record RowHead(long Seq, byte[] Mac)
{
    internal bool Is(long seq, byte[] mac) => Seq == seq && Mac.AsSpan().SequenceEqual(mac);
}

/// <summary>Keeps the newest change outside of the database, so that a database that went back is noticed at the next start. Thread-safe.</summary>
public interface IRowHeadStore
{
    /// <summary>What was kept last, or null.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    RowHead? Read();

    /// <summary>Keeps it; durable when this returns.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    void Write(RowHead head);
}
