using Cloister.Enclave.Base;

namespace Cloister.Enclave.Tests.Support;

/// <summary>What a handler answered; no code when it did what it was asked.</summary>
internal sealed record CallResult(FailureKind? Code, string Message, byte[] Response);
