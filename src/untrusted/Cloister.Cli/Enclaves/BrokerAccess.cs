namespace Cloister.Cli.Enclaves;

/// <summary>How an enclave finds its broker and knows it.</summary>
/// <param name="Url"><c>https://ADDRESS:PORT</c>.</param>
/// <param name="Pin"><c>sha256:</c> and base64, of the broker's authority.</param>
/// <param name="Kek">Name of the KEK that it asks for.</param>
internal sealed record BrokerAccess(string Url, string Pin, string Kek);
