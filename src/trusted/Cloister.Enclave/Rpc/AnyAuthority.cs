using System.Text;

namespace Cloister.Enclave.Rpc;

/// <summary>
/// Reads every <c>:authority</c> as <c>localhost</c>. kube-apiserver's KMS v1 client sends the path of the socket there, which Kestrel takes
/// for a malformed host and answers with a reset (dotnet/aspnetcore#18522, #47043). Nothing here looks at the host. secrets: none.
/// </summary>
internal sealed class AnyAuthority : Encoding
{
    private const string Host = "localhost";

    private static readonly AnyAuthority Instance = new();

    /// <summary>For <c>KestrelServerOptions.RequestHeaderEncodingSelector</c>; null is Kestrel's own choice, UTF-8.</summary>
    internal static Encoding? Select(string header) => header == ":authority" ? Instance : null;

    public override int GetCharCount(byte[] bytes, int index, int count) => Host.Length;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        Host.CopyTo(0, chars, charIndex, Host.Length);
        return Host.Length;
    }

    public override int GetMaxCharCount(int byteCount) => Host.Length;

    public override int GetByteCount(char[] chars, int index, int count) => throw new NotSupportedException();

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) => throw new NotSupportedException();

    public override int GetMaxByteCount(int charCount) => throw new NotSupportedException();
}
