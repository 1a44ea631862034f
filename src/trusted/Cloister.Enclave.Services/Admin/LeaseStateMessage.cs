using System.Buffers;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Custody.Leases;

namespace Cloister.Enclave.Services.Admin;

/// <summary>Writes <c>LeaseState</c> of proto/cloister/enclave_admin.proto. secrets: none.</summary>
internal static class LeaseStateMessage
{
    internal static void Write(IBufferWriter<byte> output, LeaseReport lease)
    {
        ProtoWriter writer = new(output);
        writer.String(1, lease.Broker.GetLeftPart(UriPartial.Authority));
        writer.String(2, lease.Kek);
        writer.String(3, lease.Lease);
        writer.Integer(4, (ulong)lease.Now);
        writer.Integer(5, (ulong)lease.Expires);
        writer.Integer(6, (ulong)lease.GraceEnd);
        writer.Integer(7, (ulong)lease.RenewAfter);
        writer.Integer(8, (ulong)lease.WrapsLeft);
        writer.Integer(9, (ulong)lease.UnwrapsLeft);
        writer.Boolean(10, lease.Restored);
        writer.String(11, lease.FailedStep);
        writer.String(12, lease.Failure);
        writer.Boolean(13, lease.KeepsSealedCopy);
        writer.Integer(14, (ulong)lease.AuditSize);
        writer.Integer(15, (ulong)lease.AuditWentBack);
        foreach (BrokerReach reach in lease.Brokers)
        {
            ArrayBufferWriter<byte> nested = new();
            ProtoWriter one = new(nested);
            one.String(1, reach.Broker.GetLeftPart(UriPartial.Authority));
            one.Boolean(2, reach.Since is not null);
            one.Integer(3, (ulong)(reach.Since ?? TimeSpan.Zero).TotalMilliseconds);
            one.Boolean(4, reach.Failure is { Length: > 0 });
            one.String(5, reach.Failure ?? "");
            writer.Bytes(16, nested.WrittenSpan);
        }

        writer.Integer(17, (ulong)lease.Renewals);
        foreach ((string step, long count) in lease.Failures)
        {
            CounterMessage.Write(writer, 18, step, count);
        }
    }
}
