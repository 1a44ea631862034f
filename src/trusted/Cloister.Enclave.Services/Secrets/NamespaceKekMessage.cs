using System.Buffers;
using Cloister.Contracts.Keys;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Custody;

namespace Cloister.Enclave.Services.Secrets;

/// <summary>Writes <c>NamespaceKek</c> of proto/cloister/secrets.proto. secrets: none.</summary>
internal static class NamespaceKekMessage
{
    internal static void Write(IBufferWriter<byte> output, KekRule rule, CustodyStatus status)
    {
        ProtoWriter writer = new(output);
        foreach (string name in rule.Namespaces)
        {
            writer.String(1, name);
        }

        writer.String(2, rule.Kek);
        writer.String(3, status.KeyId ?? "");
        writer.String(4, status.Healthz);
    }
}
