using Cloister.Enclave.Rpc;

namespace Cloister.Enclave.Tests.Support;

/// <summary>What a unary handler answered.</summary>
internal sealed record CallResult(StatusCode Code, string Message, byte[] Response);
