using System.Collections.Frozen;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.State.Rows;

namespace Cloister.Broker.Host.Serving;

/// <summary>What is revoked, as of now: the database is asked for its revision each time, and for the list when that has changed. Thread-safe.</summary>
internal sealed class RevocationList(IRevocationRegistry registry)
{
    private Snapshot _last = new(-1, FrozenSet<(RevocationKind, string)>.Empty);

    /// <summary>The list in force.</summary>
    /// <exception cref="State.BrokerStateException">The database does not answer.</exception>
    public async Task<Snapshot> CurrentAsync(CancellationToken cancellation, RowHead? asOf = null)
    {
        // Revision before list: a change in between makes the list newer than its revision, and it is read again the next time.
        long revision = await registry.RevocationRevisionAsync(cancellation, asOf);
        Snapshot last = Volatile.Read(ref _last);
        if (last.Revision == revision)
        {
            return last;
        }

        IReadOnlyList<Revocation> all = await registry.ListRevocationsAsync(cancellation);
        Snapshot read = new(revision, all.Select(one => Key(one.Kind, one.Value)).ToFrozenSet());
        Volatile.Write(ref _last, read);
        return read;
    }

    // Hex is compared without regard to case: an operator may have pasted either.
    private static (RevocationKind Kind, string Value) Key(RevocationKind kind, string value) =>
        (kind, kind is RevocationKind.Measurement or RevocationKind.Platform ? value.ToLowerInvariant() : value);

    /// <summary>The list as of a revision.</summary>
    internal sealed class Snapshot(long revision, FrozenSet<(RevocationKind Kind, string Value)> revoked)
    {
        /// <summary>The revision.</summary>
        public long Revision { get; } = revision;

        /// <summary>Refuses who is revoked.</summary>
        /// <param name="instance">Thumbprint of the attested key.</param>
        /// <param name="measurement">Hex.</param>
        /// <param name="platforms">Every identity of the platform.</param>
        /// <param name="kek">The KEK that is asked for.</param>
        /// <exception cref="ProtocolException">One of them is revoked; which, is said: the operator reads it in the enclave's log.</exception>
        public void Check(string instance, string measurement, IReadOnlyList<string> platforms, string kek)
        {
            CheckKek(kek);
            Check(RevocationKind.Instance, instance);
            Check(RevocationKind.Measurement, measurement);
            foreach (string platform in platforms)
            {
                Check(RevocationKind.Platform, platform);
            }
        }

        /// <summary>Refuses a KEK that is revoked.</summary>
        /// <exception cref="ProtocolException">It is.</exception>
        public void CheckKek(string kek) => Check(RevocationKind.Kek, kek);

        private void Check(RevocationKind kind, string value)
        {
            if (revoked.Contains(Key(kind, value)))
            {
                throw new ProtocolException(
                    ProtocolError.LeaseRevoked, $"this {kind.ToString().ToLowerInvariant()} is revoked: wipe the KEKs; an operator can lift the revocation");
            }
        }
    }
}
