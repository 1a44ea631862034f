namespace Cloister.Cli.Doctor;

/// <summary>Paths of sockets that lead to one place, in one form.</summary>
internal static class SocketPath
{
    /// <summary>Without doubled slashes and dots, and with the folders that links lead to; <c>/var/run</c> is <c>/run</c> on every Linux of today.</summary>
    internal static string Of(string path)
    {
        if (path.Length == 0 || path[0] == '@')
        {
            return path;
        }

        string full = Path.GetFullPath(path);
        string folder = Path.GetDirectoryName(full) ?? "/";
        string name = Path.GetFileName(full);
        folder = Resolved(folder);
        return Path.Combine(folder == "/var/run" || folder.StartsWith("/var/run/", StringComparison.Ordinal) ? folder["/var".Length..] : folder, name);
    }

    private static string Resolved(string folder)
    {
        string resolved = "/";
        foreach (string part in folder.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            string next = Path.Combine(resolved, part);
            try
            {
                resolved = new DirectoryInfo(next).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? next;
            }
            catch (IOException)
            {
                // Not there, or a circle: as it is written.
                resolved = next;
            }
        }

        return resolved;
    }
}
