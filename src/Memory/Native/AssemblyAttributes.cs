using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// Every signature is blittable as it stands, so calls need no marshalling code, and code that is compiled ahead of time can hold them whole.
[assembly: DisableRuntimeMarshalling]

// The C library is the system's: nobody shall look for it beside this assembly.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
