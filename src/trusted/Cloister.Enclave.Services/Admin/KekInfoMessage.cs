using System.Buffers;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Keys;

namespace Cloister.Enclave.Services.Admin;

/// <summary>Writes <c>KekInfo</c> of proto/cloister/enclave_admin.proto. secrets: none.</summary>
internal static class KekInfoMessage
{
    internal static void Write(IBufferWriter<byte> output, Kek kek, bool active)
    {
        ProtoWriter writer = new(output);
        writer.String(1, kek.Identity.Name);
        writer.Integer(2, kek.Identity.Version);
        writer.String(3, kek.KeyId);
        writer.Boolean(4, active);
    }
}
