using System.Buffers;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Services.Admin;

/// <summary>Writes <c>Counter</c>, <c>Durations</c> and <c>Calls</c> of proto/cloister/enclave_admin.proto as fields of a message. secrets: none.</summary>
internal static class CounterMessage
{
    internal static void Write(ProtoWriter writer, int field, string name, long value)
    {
        ArrayBufferWriter<byte> nested = new();
        ProtoWriter counter = new(nested);
        counter.String(1, name);
        counter.Integer(2, (ulong)value);
        writer.Bytes(field, nested.WrittenSpan);
    }

    internal static void Write(ProtoWriter writer, int field, string name, DurationMeter meter)
    {
        ArrayBufferWriter<byte> nested = new();
        ProtoWriter durations = new(nested);
        durations.String(1, name);
        durations.Integer(2, (ulong)meter.Sum);
        foreach ((string bound, long count) in meter.Counts)
        {
            Write(durations, 3, bound, count);
        }

        writer.Bytes(field, nested.WrittenSpan);
    }

    internal static void Write(ProtoWriter writer, int field, CallMeter meter)
    {
        ArrayBufferWriter<byte> nested = new();
        ProtoWriter calls = new(nested);
        calls.String(1, meter.Role);
        calls.String(2, meter.Method);
        foreach ((string code, long count) in meter.Codes)
        {
            Write(calls, 3, code, count);
        }

        Write(calls, 4, "", meter.Durations);
        writer.Bytes(field, nested.WrittenSpan);
    }
}
