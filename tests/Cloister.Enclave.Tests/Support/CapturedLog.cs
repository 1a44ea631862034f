using System.Collections.Concurrent;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Tests.Support;

/// <summary>Keeps every line that the enclave logs.</summary>
internal sealed class CapturedLog
{
    private readonly ConcurrentQueue<string> _lines = new();

    internal CapturedLog()
    {
        Log = new EnclaveLog((level, id, text) => _lines.Enqueue($"{level} {id} {text} "));
    }

    internal EnclaveLog Log { get; }

    internal IReadOnlyList<string> Lines => [.. _lines];
}
